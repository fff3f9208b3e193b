"""The annotation of a field for the type of a column; or why there is none."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from ectype.migrations.catalog import StoredColumn
from ectype.types.base import Target
from ectype.types.numeric import MAX_SCALE
from ectype.types.vector import MAX_DIMENSIONS

Kind: TypeAlias = Literal["int", "float", "bool", "str", "decimal", "enum", "json", "list", "datetime", "other"]
"""What a default of the column may be."""
Imports: TypeAlias = tuple[tuple[str, str], ...]
"""Modules, each with a name that is imported from it."""


@dataclass(frozen=True, slots=True)
class Typed:
    """What a field of the column is.

    Attributes:
        annotation: what stands in the brackets of `Field[…]`, without `| None`.
        kind: what a default of it may be.
        imports: what the annotation and the options mention.
        options: what `field(…)` says besides.
    """

    annotation: str
    kind: Kind = "other"
    imports: Imports = ()
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NoType:
    """Why no field can be of the column."""

    reason: str


INT: Final = Typed("int", "int")
TEXT: Final = Typed("str", "str")
BOOL: Final = Typed("bool", "bool")
FLOAT: Final = Typed("float", "float")
DECIMAL: Final = Typed("Decimal", "decimal", (("decimal", "Decimal"),))
BYTES: Final = Typed("bytes")
UUID: Final = Typed("UUID", imports=(("uuid", "UUID"),))
DATE: Final = Typed("date", imports=(("datetime", "date"),))
TIME: Final = Typed("time", imports=(("datetime", "time"),))
DATETIME: Final = Typed("datetime", "datetime", (("datetime", "datetime"),))
TIMEDELTA: Final = Typed("timedelta", imports=(("datetime", "timedelta"),))
INTERVAL: Final = Typed("Interval", imports=(("ectype", "Interval"),))
OBJECT: Final = Typed("dict[str, Any]", "json", (("typing", "Any"),))
LIST: Final = Typed("list[Any]", "json", (("typing", "Any"),))
JSON: Final = Typed("dict[str, Any] | list[Any]", "json", (("typing", "Any"),))
CITEXT: Final = Typed("str", "str", (("ectype", "CIText"),), ("type=CIText",))
MAC: Final = Typed("str", "other", (("ectype", "MacAddress"),), ("type=MacAddress",))
ADDRESS: Final = Typed(
    "IPv4Address | IPv6Address", imports=(("ipaddress", "IPv4Address"), ("ipaddress", "IPv6Address"))
)
NETWORK: Final = Typed(
    "IPv4Network | IPv6Network", imports=(("ipaddress", "IPv4Network"), ("ipaddress", "IPv6Network"))
)


def _range(element: Typed) -> Typed:
    return Typed(f"Range[{element.annotation}]", imports=(("ectype", "Range"), *element.imports))


POSTGRES: Final[Mapping[str, Typed]] = {
    "smallint": INT,
    "integer": INT,
    "bigint": INT,
    "boolean": BOOL,
    "real": FLOAT,
    "double precision": FLOAT,
    "numeric": DECIMAL,
    "text": TEXT,
    "character varying": TEXT,
    "character": TEXT,
    "citext": CITEXT,
    "bytea": BYTES,
    "uuid": UUID,
    "date": DATE,
    "time without time zone": TIME,
    "timestamp with time zone": DATETIME,
    "interval": TIMEDELTA,
    "interval year": INTERVAL,
    "interval month": INTERVAL,
    "interval year to month": INTERVAL,
    "json": JSON,
    "jsonb": JSON,
    "inet": ADDRESS,
    "cidr": NETWORK,
    "macaddr": MAC,
    "int8range": _range(INT),
    "numrange": _range(DECIMAL),
    "daterange": _range(DATE),
    "tstzrange": _range(DATETIME),
}
REASONS: Final[Mapping[str, str]] = {
    "timestamp without time zone": "a datetime of ectype has a time zone: make the column timestamptz",
    "time with time zone": "a time of ectype has no time zone: make the column time",
    "json[]": "a list of JSON documents is one document: make the column jsonb",
    "jsonb[]": "a list of JSON documents is one document: make the column jsonb",
    "money": "its text depends on the server's locale: make the column numeric",
    "int4range": "ectype's Range[int] is an int8range: make the column int8range",
    "tsrange": "ectype's Range[datetime] is a tstzrange: make the column tstzrange",
}
SQLITE: Final[Mapping[str, Typed]] = {
    "BOOLEAN": BOOL,
    "BOOL": BOOL,
    "DATE": DATE,
    "DATETIME": DATETIME,
    "TIMESTAMP": DATETIME,
    "TIMESTAMPTZ": DATETIME,
    "TIME": TIME,
    "DECIMAL": DECIMAL,
    "NUMERIC": DECIMAL,
    "UUID": UUID,
    "GUID": UUID,
    "JSON": JSON,
    "JSONB": JSON,
    "BYTEA": BYTES,
    "BINARY": BYTES,
    "VARBINARY": BYTES,
}
AFFINITIES: Final[tuple[tuple[tuple[str, ...], Typed], ...]] = (
    (("INT",), INT),
    (("CHAR", "CLOB", "TEXT"), TEXT),
    (("BLOB",), BYTES),
    (("REAL", "FLOA", "DOUB"), FLOAT),
)
"""How SQLite finds what a column holds, in this order: https://www.sqlite.org/datatype3.html."""


def typed(column: StoredColumn, target: Target, enum: Typed | None = None) -> Typed | NoType:
    """Return what a field of the column is.

    Args:
        column: the column.
        target: its database.
        enum: what a field of its enum type is.

    >>> typed(StoredColumn("price", "numeric(12,2)", "numeric(12,2)"), "postgres").options
    ('scale=2',)
    """
    return READERS[target](column, enum)


def _sqlite(column: StoredColumn, _enum: Typed | None) -> Typed | NoType:
    words = re.sub(r"\(.*?\)", "", column.stored_as).strip().upper()
    found = SQLITE.get(words)
    if found is JSON:
        return _document(column)
    if found is None:
        found = next((one for marks, one in AFFINITIES if any(mark in words for mark in marks)), None)
    if found is None:
        what = f"`{column.type}`" if column.type else "a column without a type"
        return NoType(f"nothing says what {what} holds")
    return CITEXT if found is TEXT and (column.collation or "").upper() == "NOCASE" else found


def _postgres(column: StoredColumn, enum: Typed | None) -> Typed | NoType:
    text = column.stored_as
    is_array = text.endswith("[]")
    options = re.search(r"\(([^()]*)\)", text)
    name = re.sub(r"\([^()]*\)", "", text.removesuffix("[]"))
    name = re.sub(r"^(?:[\w$]+|\"[^\"]*\")\.(?=\w+$)", "", name)
    if column.dimensions > 1:
        return NoType("an array of arrays: make the column jsonb")
    if enum is not None:
        return _list_of(enum) if is_array else enum
    why = REASONS.get(f"{name}[]" if is_array else name) or REASONS.get(name)
    if why is not None:
        return NoType(why)
    if name == "vector" and not is_array:
        return _vector(options)
    found = POSTGRES.get(name)
    if found is None:
        return NoType(f"ectype has no type for `{column.type}`")
    if is_array:
        return _list_of(found)
    if found is JSON:
        return _document(column)
    return _scaled(options) if found is DECIMAL and options else found


def _list_of(item: Typed) -> Typed:
    """Return a list; what stores its items stands in the annotation."""
    imports, inner = item.imports, item.annotation
    if item.options:
        imports = (*imports, ("typing", "Annotated"))
        inner = f"Annotated[{inner}, {item.options[0].removeprefix('type=')}]"
    return Typed(f"list[{inner}]", "list", imports)


def _document(column: StoredColumn) -> Typed:
    """Return what the column's default looks like; a document of either kind without one."""
    text = re.sub(r"::[\w ]+$", "", column.default or "").strip("'\" ")
    return OBJECT if text.startswith("{") else LIST if text.startswith("[") else JSON


def _scaled(options: re.Match[str]) -> Typed:
    parts = options[1].split(",")
    scale = int(parts[1]) if len(parts) == 2 else 0
    return replace(DECIMAL, options=(f"scale={scale}",)) if 0 <= scale <= MAX_SCALE else DECIMAL


def _vector(options: re.Match[str] | None) -> Typed | NoType:
    if options is None or not options[1].isdigit() or not 1 <= int(options[1]) <= MAX_DIMENSIONS:
        return NoType("a vector of ectype has its dimensions: make the column vector(…)")
    return Typed("list[float]", "other", (("ectype", "Vector"),), (f"type=Vector({options[1]})",))


READERS: Final[Mapping[Target, Callable[[StoredColumn, Typed | None], Typed | NoType]]] = {
    "postgres": _postgres,
    "sqlite": _sqlite,
}

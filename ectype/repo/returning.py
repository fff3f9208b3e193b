"""What comes back of the rows of an `insert_all`: how many, values, tuples or structs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

from ectype.errors import QueryError
from ectype.expr.operand import Attr
from ectype.query.ast import EntityRow, RowShape, TupleRow, ValueRow
from ectype.schema.meta import SchemaInfo

Returning: TypeAlias = Any
"""A column, a tuple of columns, or a schema; None for a count."""


@dataclass(frozen=True, slots=True)
class Back:
    """What comes back of each row: the fields, and how they make a row (`count` for none)."""

    names: tuple[str, ...]
    form: str

    def row(self, info: SchemaInfo, table: str | None = None, prefix: str | None = None) -> RowShape | None:
        """Return what a row is made of, None for a count."""
        if self.form == "count":
            return None
        if self.form == "struct":
            return EntityRow(info, self.names, 0, False, table, prefix)  # noqa: FBT003  # a positional field
        items = tuple(ValueRow(index) for index in range(len(self.names)))
        return items[0] if self.form == "value" else TupleRow(items)


COUNT: Final = Back((), "count")


def back_of(source: Any, returning: Returning) -> Back:
    """Read `returning`. Raises QueryError for what is no column of the schema, nor the schema itself."""
    info: SchemaInfo = source.info
    if returning is None:
        return COUNT
    if isinstance(returning, Attr):
        return Back((own_column(source, cast("Attr[Any, Any]", returning)),), "value")
    columns = cast("tuple[Attr[Any, Any], ...]", returning) if isinstance(returning, tuple) else ()
    if columns:
        return Back(tuple(own_column(source, column) for column in columns), "tuple")
    if getattr(cast("Any", returning), "__source__", None) in (info.source, source):
        return Back(info.column_names, "struct")
    raise no_column(info, cast("object", returning))


def no_column(info: SchemaInfo, returning: object) -> QueryError:
    """Return the refusal of what is no column."""
    return QueryError(
        f"`returning` takes columns of {info.name} or {info.name} itself, got {returning!r:.80}",
        hint=f"write `returning={info.name}.…`, `returning=({info.name}.…, …)` or `returning={info.name}`",
    )


def virtual_column(column: str) -> QueryError:
    """Return the refusal of a column that is not stored."""
    return QueryError(f"`{column}` is virtual: it is not stored, so it cannot come back")


def own_column(source: Any, column: Attr[Any, Any]) -> str:
    """Return the name of a column of a source. Raises QueryError for another schema's, or one that is not stored."""
    info: SchemaInfo = source.info
    if getattr(getattr(column, "node", None), "source", None) not in (info.source, source):
        raise QueryError(f"`returning` takes columns of {info.name}, got {column!r:.80}")
    if column.name in info.virtual_names:
        raise virtual_column(f"{info.name}.{column.name}")
    return column.name


def wanted_fields(info: SchemaInfo, wanted: Any) -> tuple[str, ...]:
    """Return the fields that a write of one row is asked to read back, in order of declaration.

    Raises:
        QueryError: for none, or what is no stored column of the schema.
    """
    if wanted is None:
        return ()
    if wanted is True:
        return info.column_names
    if not isinstance(wanted, Attr | tuple | list):
        raise no_column(info, wanted)
    columns = cast("tuple[Any, ...]", (wanted,) if isinstance(wanted, Attr) else tuple(cast("Any", wanted)))
    if not columns:
        raise QueryError("`returning` got no column", hint="name one, or leave it out; True reads the whole row back")
    names = {own_column(info.source, column) for column in columns}
    return tuple(name for name in info.column_names if name in names)

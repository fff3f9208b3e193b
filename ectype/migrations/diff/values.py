"""Types, defaults and texts of a database as Python source."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ectype.types.base import Target

TYPES: Final[Mapping[Target, Mapping[str, str]]] = {
    "postgres": {
        "bigint": "int",
        "text": "str",
        "boolean": "bool",
        "double precision": "float",
        "bytea": "bytes",
        "uuid": "UUID",
        "numeric": "Decimal",
        "date": "date",
        "timestamp with time zone": "datetime",
        "time without time zone": "time",
        "interval": "timedelta",
    },
    "sqlite": {"INTEGER": "int", "TEXT": "str", "REAL": "float", "BLOB": "bytes"},
}
STORED: Final[Mapping[str, str]] = {
    "bool": "INTEGER",
    "int": "INTEGER",
    "timedelta": "INTEGER",
    "float": "REAL",
    "bytes": "BLOB",
}
"""What SQLite stores Python's types as; all others are TEXT."""
MODULES: Final[Mapping[str, str]] = {
    "UUID": "uuid",
    "Decimal": "decimal",
    "date": "datetime",
    "datetime": "datetime",
    "time": "datetime",
    "timedelta": "datetime",
}
BOOLS: Final[Mapping[Target, Mapping[str, str]]] = {
    "postgres": {"true": "True", "false": "False"},
    "sqlite": {"1": "True", "0": "False"},
}
TEXT: Final = re.compile(r"'((?:[^']|'')*)'(?:::text)?")


@dataclass(frozen=True, slots=True)
class Written:
    """A column's type as a migration names it: that of the schema where it is stored so, else the database's words."""

    target: Target
    given: object
    said: str | None

    @property
    def _python(self) -> str | None:
        words = str(self.given)
        if isinstance(self.given, type):
            return self.given.__name__
        found = TYPES[self.target].get(words)
        if self.target == "sqlite" and self.said is not None:
            return self.said if STORED.get(self.said, "TEXT") == words else found
        return found

    @property
    def text(self) -> str:
        """The source."""
        return self._python or quoted(str(self.given))

    @property
    def imports(self) -> tuple[tuple[str, str], ...]:
        """The modules and names that the source needs."""
        name = self._python
        return ((MODULES[name], name),) if name in MODULES else ()


def python_default(sql: str, written: str, target: Target) -> str | None:
    """Return a default as a Python value, where it says the same; None where it is more than a plain value.

    Args:
        sql: the default's text.
        written: the source of the column's type.
        target: whose text it is.

    >>> python_default("'member'::text", "str", "postgres"), python_default("now()", "str", "postgres")
    ('"member"', None)
    """
    if written == "str":
        found = TEXT.fullmatch(sql)
        return None if found is None or "\\" in sql else quoted(found[1].replace("''", "'"))
    if written == "int" and re.fullmatch(r"\d{1,9}", sql):
        return sql
    if written == "bool":
        return BOOLS[target].get(sql)
    return None


def quoted(text: str | None) -> str:
    r"""Return a text as Python source: one with several lines as one literal a line, which Python joins.

    >>> quoted("it's"), quoted(None)
    ('"it\'s"', 'None')
    """
    if text is None:
        return "None"
    lines = text.splitlines(keepends=True)
    return "\n".join(map(_line, lines)) if len(lines) > 1 else _line(text)


def _line(text: str) -> str:
    plain = repr(text)
    if plain.startswith("'") and '"' not in text:
        return '"' + plain[1:-1].replace("\\'", "'") + '"'
    return plain

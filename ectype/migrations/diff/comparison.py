"""What is compared, and what both tables and columns need for it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from itertools import chain, count
from typing import Final

from ectype.migrations.diff.renames import mentions
from ectype.migrations.diff.state import Place, State
from ectype.migrations.diff.steps import Difference
from ectype.sql.ddl import CreateConstraint, DropConstraint, Execute, Index, IndexColumn, Raw
from ectype.sql.ddl_types import literal_text
from ectype.sql.dialect import Dialect

LONGEST: Final = 63
"""How many bytes of a name PostgreSQL keeps."""


@dataclass(frozen=True, slots=True)
class Retyped:
    """A column that gets another type.

    Attributes:
        place: its table.
        column: its name.
    """

    place: Place
    column: str

    @property
    def text(self) -> str:
        """How it is said: `users.age`."""
        return ".".join(part for part in (*self.place, self.column) if part is not None)


@dataclass(slots=True)
class Comparison:
    """What is compared, and what is found.

    Attributes:
        fills: by table and column, a literal for rows that have no value yet.
        loosened: the tables and columns whose key goes, so that foreign keys to it must go first.
        online: the columns that are to get another type in steps, as they were said.
        retyped: all columns that get a type for which rows are written anew.
        backfills: the names that backfills have already.
    """

    current: State
    want: State
    found: Difference
    dialect: Dialect
    fills: dict[tuple[Place, str], str]
    loosened: set[tuple[Place, tuple[str, ...]]] = field(default_factory=set[tuple[Place, tuple[str, ...]]])
    online: tuple[Retyped, ...] = ()
    retyped: list[Retyped] = field(default_factory=list[Retyped])
    backfills: set[str] = field(default_factory=set[str])

    def free_backfill(self, label: str, type_: str) -> str:
        """Return a name for the backfill of a column that no other has, and take it."""
        base = re.sub(r"[^a-z0-9]+", "_", f"{label}_{type_}".lower()).strip("_")
        names = chain([base], (f"{base}_{number}" for number in count(2)))
        name = next(name for name in names if name not in self.backfills)
        self.backfills.add(name)
        return name

    @property
    def carefully(self) -> bool:
        """Whether the database can be changed while others write to it."""
        return self.dialect.alter_column


def dropped(one: CreateConstraint) -> DropConstraint:
    """Return the command that removes a constraint, with what it was."""
    return DropConstraint(one.table, one.constraint.name, replace(one, validate=True), prefix=one.prefix)


def comment(what: str, was: str | None, text: str | None, dialect: Dialect) -> Execute:
    """Return the command that writes a comment beside something, and its way back."""
    up, down = ("NULL" if one is None else literal_text(one, dialect) for one in (text, was))
    return Execute(f"COMMENT ON {what} IS {up}", f"COMMENT ON {what} IS {down}")


def covers(index: Index, column: str) -> bool:
    """Whether an index has a column: as one of its own, beside them, in an expression or in its condition."""
    texts = [index.where or "", *index.include]
    for part in index.columns:
        of = part.of if isinstance(part, IndexColumn) else part
        texts.append(of.sql if isinstance(of, Raw) else of)
    return any(mentions(text, column) for text in texts)


def short(name: str, suffix: str) -> str:
    """Return a name with an ending, cut before it where the whole would be too long.

    >>> short("orders_total", "_new")
    'orders_total_new'
    """
    room = LONGEST - len(suffix)
    return name.encode()[:room].decode(errors="ignore") + suffix

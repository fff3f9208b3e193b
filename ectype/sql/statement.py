"""What a compiler makes: text, how its parameters are dumped, and how its rows are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ectype.query.ast import RowShape
from ectype.schema.sources import TableSource


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """What is told of a statement.

    Attributes:
        sql: the text that is sent.
        operation: what it does, in SQL's words, as `SELECT`.
        table: the table that it reads first or writes, or None.
        prefix: where that table is; None for the database's default.
    """

    sql: str
    operation: str
    table: str | None = None
    prefix: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One column of a result.

    Attributes:
        load: from the driver's value to Python's, or None where it is right already; never given None.
        nullable: whether the value may be NULL.
        mutable: whether the loaded value is a list or a dict, whose original a struct keeps.
        slow_load: what to try when `load` raises ValueError, or None.
        inline: what `load` does, as text (see `ectype.types.base.Codec`), or None.
        names: what `inline` mentions.
        name: what people call it, as `User.role`, for errors.
        empty: whether NULL is read as an empty list.
    """

    load: Callable[[Any], Any] | None
    nullable: bool
    mutable: bool = False
    slow_load: Callable[[Any], Any] | None = None
    inline: str | None = None
    names: Mapping[str, Any] = field(default_factory=dict[str, Any])
    name: str = "an expression"
    empty: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """One statement of one shape: it serves every set of values.

    Attributes:
        sql: the text.
        dump: from the query's values to the driver's parameters.
        columns: the result's columns.
        row: how a row is made of them; None for a statement that returns none.
        redacted: the indexes of parameters that must not be shown.
        marked: the text of a write that gives the id of its transaction too, as the last column; None where there is
            no such text.
        writes: whether it may write, and does not say in which transaction.
        operation: what it does, in SQL's words.
        place: the table that it reads first or writes and where that is, or twice None.
    """

    sql: str
    dump: Callable[[Sequence[Any]], Sequence[Any]]
    columns: tuple[Column, ...] = ()
    row: RowShape | None = None
    redacted: frozenset[int] = frozenset()
    marked: str | None = None
    writes: bool = False
    operation: str = "SELECT"
    place: tuple[str | None, str | None] = (None, None)

    @property
    def said(self) -> Said:
        """What is told of it."""
        return Said(self.sql, self.operation, *self.place)


def table_place(source: Any, prefix: str | None) -> tuple[str | None, str | None]:
    """Return the table of a source and where it is; twice None for a source that is no table."""
    if not isinstance(source, TableSource) or source.table is None:
        return None, None
    return source.table, source.prefix or source.info.prefix or prefix

"""What a migration says about indexes."""

from __future__ import annotations

from typing import Any, LiteralString, TypedDict, Unpack, cast, get_args

from ectype.errors import MigrationError, did_you_mean
from ectype.migrations.recording import Recorder, refuse_unknown
from ectype.sql.ddl import (
    CreateIndex,
    Direction,
    DropIndex,
    Index,
    IndexColumn,
    Nulls,
    Raw,
    RenameIndex,
    index_name,
)


class IndexOptions(TypedDict, total=False):
    """What an index may have besides its columns; all but the first three are PostgreSQL's alone.

    Attributes:
        unique: whether no two rows may be equal in the columns.
        name: another name than `<table>_<columns>_index`.
        where: SQL text that says which rows the index holds.
        include: columns that it holds beside those it is over.
        using: how it is kept: `btree`, `hash`, `gin`, `gist`, `spgist`, `brin`, or an extension's.
        nulls_distinct: False where two rows with NULL are equal (PostgreSQL 15).
        concurrently: whether the table can be written to meanwhile; such an index stands alone in its migration.
        comment: what is written beside it.
        prefix: the database schema of the table.
        only: whether the table's partitions get none.
        options: its storage parameters: `fillfactor = 70`.
    """

    unique: bool
    name: str | None
    where: LiteralString | None
    include: tuple[str, ...]
    using: str | None
    nulls_distinct: bool
    concurrently: bool
    comment: str | None
    prefix: str | None
    only: bool
    options: LiteralString | None


INDEX_OPTIONS = tuple(IndexOptions.__annotations__)


def indexed(
    column: str | Raw,
    direction: Direction | None = None,
    *,
    nulls: Nulls | None = None,
    operator_class: LiteralString | None = None,
    collation: str | None = None,
) -> IndexColumn:
    """Say how an index orders a column, or an expression.

    Args:
        column: the column, or `Raw("lower(email)")`.
        direction: `asc` or `desc`.
        nulls: where rows with NULL are: `first` or `last` (PostgreSQL).
        operator_class: what it is compared by, as `text_pattern_ops` (PostgreSQL).
        collation: how texts are ordered.

    Raises:
        MigrationError: a word does not exist.

    Example:
        m.create_index("posts", "author_id", indexed("inserted_at", "desc"))
    """
    for option, word, words in (("direction", direction, get_args(Direction)), ("nulls", nulls, get_args(Nulls))):
        if word is not None and word not in words:
            raise MigrationError(f"an index has no {option} {word!r}", hint=did_you_mean(str(word), words))
    return IndexColumn(column, direction, nulls, operator_class, collation)


class IndexCommands(Recorder):
    """Making, removing and renaming indexes."""

    def create_index(
        self,
        table: str,
        *columns: str | Raw | IndexColumn,
        if_not_exists: bool = False,
        **options: Unpack[IndexOptions],
    ) -> None:
        """Make an index, named `<table>_<columns>_index` unless a name is given.

        Args:
            table: the table.
            *columns: its columns, expressions as `Raw("lower(email)")`, or either with an order: `indexed(…)`.
            if_not_exists: whether an index of that name, whatever it is, is left as it is.
            **options: see `IndexOptions`.

        Raises:
            MigrationError: no column was given, or an option does not exist.
        """
        if not columns:
            raise MigrationError(
                f'm.create_index("{table}") names no column', hint=f'say m.create_index("{table}", "column")'
            )
        self._record(CreateIndex(self._index("m.create_index", table, columns, options), if_not_exists))

    def drop_index(
        self,
        table: str,
        *columns: str | Raw | IndexColumn,
        if_exists: bool = False,
        **options: Unpack[IndexOptions],
    ) -> None:
        """Remove an index. Given as it was created, it can be rolled back; by its name alone it cannot.

        Raises:
            MigrationError: neither columns nor a name were given, or an option does not exist.
        """
        name = options.get("name")
        if not columns and name is None:
            raise MigrationError(
                f'm.drop_index("{table}") names no index',
                hint=f'say m.drop_index("{table}", "column") as it was created, or name="{table}_column_index"',
            )
        made = self._index("m.drop_index", table, columns, options)
        was = made if columns else None
        self._record(DropIndex(made.name, was, if_exists, made.concurrently, made.prefix))

    def rename_index(self, name: str, *, to: str, prefix: str | None = None) -> None:
        """Give an index another name."""
        self._record(RenameIndex(name, to, self._place(prefix)))

    def _index(
        self, call: str, table: str, columns: tuple[str | Raw | IndexColumn, ...], options: IndexOptions
    ) -> Index:
        refuse_unknown(call, tuple(options), INDEX_OPTIONS)
        given = dict(cast("dict[str, Any]", options))
        name = given.pop("name", None) or index_name(table, columns)
        given["prefix"] = self._place(given.get("prefix"))
        given["include"] = tuple(given.get("include", ()))
        return Index(table, columns, name, **given)

"""Changes of a table that exists, as SQL text; and which of them SQLite makes only by building the table anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, assert_never

from ectype.errors import UnsupportedError
from ectype.sql.ddl import (
    UNCHANGED,
    AddColumn,
    AlterTable,
    Column,
    ColumnState,
    CreateConstraint,
    DropConstraint,
    ModifyColumn,
    Node,
    Raw,
    References,
    RemoveColumn,
    RenameConstraint,
    RenameIndex,
    TableChange,
    ValidateConstraint,
    foreign_key_name,
)
from ectype.sql.ddl_columns import collation_text, column_text, is_row_id, wide_key
from ectype.sql.ddl_constraints import constraint_text, foreign_key_text
from ectype.sql.ddl_names import quote, table_name
from ectype.sql.ddl_types import column_type, default_text
from ectype.sql.dialect import Dialect
from ectype.types.base import Target

REBUILD: Final = "-- SQLite has no ALTER TABLE for this: the table is built anew, with its rows. "


def alter_text(node: AlterTable, dialect: Dialect) -> tuple[str, ...]:
    """Return the statements that change a table's columns; where SQLite cannot, a remark that says what happens.

    Raises:
        MigrationError: a change cannot be meant so.
        UnsupportedError: this database cannot do it.
    """
    head = f"ALTER TABLE {table_name(node.name, node.prefix, dialect)} "
    return ALTERS[dialect.target](node, head, dialect)


def looks_first(node: Node, dialect: Dialect) -> bool:
    """Whether what the command does depends on the table as it is: SQLite may have to build it anew."""
    if dialect.alter_column:
        return False
    if isinstance(node, AlterTable):
        return any(not _is_plain(change) for change in node.changes)
    return isinstance(node, CreateConstraint | DropConstraint | RenameConstraint | RenameIndex)


def rebuild_text(node: Node, dialect: Dialect) -> str:
    """Return the remark that stands for what SQLite does to a table by building it anew."""
    match node:
        case CreateConstraint(table, constraint):
            what = f"{_quoted(table, dialect)}: ADD {constraint_text(table, constraint, dialect)}"
        case DropConstraint(table, name):
            what = f"{_quoted(table, dialect)}: DROP CONSTRAINT {quote(name, dialect, what='constraint')}"
        case RenameConstraint(table, name, to):
            old, new = (quote(one, dialect, what="constraint") for one in (name, to))
            what = f"{_quoted(table, dialect)}: RENAME CONSTRAINT {old} TO {new}"
        case _:
            what = repr(node)
    return _remark(what)


def _remark(text: str) -> str:
    # One line, whatever text is in it: a second one would be no remark any more.
    return REBUILD + " ".join(text.split())


def _quoted(table: str, dialect: Dialect) -> str:
    return table_name(table, None, dialect)


def modified(table: str, change: ModifyColumn, state: ColumnState, dialect: Dialect) -> str:
    """Return the type of a column's state."""
    return column_type(table, _column(change.name, state), dialect)


def state_default(table: str, change: ModifyColumn, dialect: Dialect) -> str | None:
    """Return the text of the default that a column gets; None for none."""
    default = change.to.default
    if default is None or default is UNCHANGED:
        return None
    return default_text(table, _column(change.name, change.to), dialect)


def _column(name: str, state: ColumnState) -> Column:
    default = None if state.default is UNCHANGED else state.default
    null = True if state.null is UNCHANGED else state.null is True
    return Column(
        name,
        state.type,
        null=null,
        default=default,
        scale=state.scale,
        precision=state.precision,
        size=state.size,
        references=state.references,
    )


def _is_plain(change: TableChange) -> bool:
    """Whether SQLite's own ALTER TABLE makes the change, whatever the table holds."""
    if not isinstance(change, AddColumn):
        return False
    column = change.column
    filled = column.default is not None and not isinstance(column.default, Raw)
    return not (
        column.primary_key
        or column.identity
        or column.if_not_exists
        or (not column.null and not filled)
        or isinstance(column.default, Raw)
        or (column.generated is not None and column.stored)
        or (column.references is not None and (filled or column.references.others))
    )


def _in_one(node: AlterTable, head: str, dialect: Dialect) -> tuple[str, ...]:
    parts: list[str] = []
    for change in node.changes:
        parts += _changes(node.name, change, dialect)
    return (head + ", ".join(parts),) if parts else ()


def _one_by_one(node: AlterTable, head: str, dialect: Dialect) -> tuple[str, ...]:
    return tuple(_sqlite_change(node.name, change, head, dialect) for change in node.changes)


ALTERS: Final[dict[Target, Callable[[AlterTable, str, Dialect], tuple[str, ...]]]] = {
    "postgres": _in_one,
    "sqlite": _one_by_one,  # SQLite takes one change a statement, see https://sqlite.org/lang_altertable.html
}


def _sqlite_change(table: str, change: TableChange, head: str, dialect: Dialect) -> str:
    match change:
        case AddColumn(column):
            _refuse_late_check(table, column.name, column.references, dialect)
            text = f"{head}ADD COLUMN {column_text(table, column, dialect)}"
            wide = wide_key(table, column)
            text += "" if wide is None else f", ADD {constraint_text(table, wide, dialect)}"
            return text if _is_plain(change) else _remark(text)
        case RemoveColumn(name):
            return f"{head}DROP COLUMN {quote(name, dialect, what='column')}"
        case ModifyColumn():
            _refuse_late_check(table, change.name, change.to.references, dialect)
            return _remark(head + ", ".join(_modify(table, change, dialect)))


def _refuse_late_check(table: str, column: str, to: References | None, dialect: Dialect) -> None:
    if to is not None and not to.validate:
        raise UnsupportedError(
            f"`{column}` of `{table}` has `validate=False`, "
            f"and {dialect.name} checks the rows of a table whenever it gets a constraint",
            hint="leave `validate=False` out",
        )


def _changes(table: str, change: TableChange, dialect: Dialect) -> list[str]:
    match change:
        case AddColumn(column):
            return _add(table, column, dialect)
        case RemoveColumn(name):
            condition = "IF EXISTS " if change.if_exists else ""
            return [f"DROP COLUMN {condition}{quote(name, dialect, what='column')}"]
        case ModifyColumn():
            return _modify(table, change, dialect)
        case _:
            assert_never(change)


def _add(table: str, column: Column, dialect: Dialect) -> list[str]:
    to = column.references
    late = to is not None and not to.validate
    condition = "IF NOT EXISTS " if column.if_not_exists else ""
    bare = column if not late else _without_key(column)
    text = f"ADD COLUMN {condition}{column_text(table, bare, dialect)}"
    if column.primary_key and not is_row_id(column, dialect):
        text += " PRIMARY KEY"
    parts = [text]
    if to is not None and late:
        key = foreign_key_text(table, None, column.name, to, dialect, within_table=True)
        parts.append(f"ADD {key} NOT VALID")
    else:
        wide = wide_key(table, column)
        parts += [] if wide is None else [f"ADD {constraint_text(table, wide, dialect)}"]
    return parts


def _without_key(column: Column) -> Column:
    return Column(
        **{name: getattr(column, name) for name in Column.__slots__ if name != "references"},
    )


def _modify(table: str, change: ModifyColumn, dialect: Dialect) -> list[str]:
    name, to, was = quote(change.name, dialect, what="column"), change.to, change.was
    parts: list[str] = []
    old_key = None if was is None else was.references
    if old_key is not None and old_key != to.references:
        key = old_key.name or foreign_key_name(table, change.name)
        parts.append(f"DROP CONSTRAINT {quote(key, dialect, what='foreign key')}")
    words = _type_words(table, change, to, dialect)
    if to.default is not UNCHANGED:
        # The old default may have no place in the new type. PostgreSQL drops before it changes, and sets after.
        parts.append(f"ALTER COLUMN {name} DROP DEFAULT")
    if was is None or change.using is not None or words != _type_words(table, change, was, dialect):
        using = "" if change.using is None else f" USING {change.using.sql}"
        parts.append(f"ALTER COLUMN {name} TYPE {words}{using}")
    default = state_default(table, change, dialect)
    if default is not None:
        parts.append(f"ALTER COLUMN {name} SET DEFAULT {default}")
    if to.null is not UNCHANGED:
        parts.append(f"ALTER COLUMN {name} {'DROP' if to.null is True else 'SET'} NOT NULL")
    if to.references is not None and old_key != to.references:
        text = foreign_key_text(table, None, change.name, to.references, dialect, within_table=True)
        parts.append(f"ADD {text}{'' if to.references.validate else ' NOT VALID'}")
    return parts


def _type_words(table: str, change: ModifyColumn, state: ColumnState, dialect: Dialect) -> str:
    words = modified(table, change, state, dialect)
    if state.collation is None:
        return words
    return f"{words} COLLATE {collation_text(f'`{change.name}` of `{table}`', state.collation, dialect)}"


def validate_text(node: ValidateConstraint, dialect: Dialect) -> tuple[str, ...]:
    """Return the statement that checks the rows of a constraint. Raises UnsupportedError where all are checked."""
    table, name = table_name(node.table, node.prefix, dialect), quote(node.name, dialect, what="constraint")
    if not dialect.late_validation:
        raise UnsupportedError(
            f"`{node.name}` of `{node.table}`: {dialect.name} has checked the rows when the constraint was added",
            hint="leave `m.validate_constraint` out",
        )
    return () if node.undone else (f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}",)

"""DDL nodes to SQL text, written by hand for each dialect (a SQL generator knows too little DDL to be trusted)."""

from __future__ import annotations

from typing import Final, assert_never

from ectype.errors import MigrationError, UnsupportedError
from ectype.sql.ddl import (
    AddColumn,
    AlterTable,
    Comment,
    CreateConstraint,
    CreateIndex,
    CreateTable,
    DropConstraint,
    DropIndex,
    DropTable,
    Execute,
    Node,
    RenameColumn,
    RenameConstraint,
    RenameIndex,
    RenameTable,
    Table,
    ValidateConstraint,
)
from ectype.sql.ddl_alter import alter_text, rebuild_text, validate_text
from ectype.sql.ddl_columns import column_text, is_row_id, wide_key
from ectype.sql.ddl_constraints import constraint_text
from ectype.sql.ddl_indexes import index_text
from ectype.sql.ddl_names import columns_text, qualified, quote, table_name
from ectype.sql.ddl_object_texts import object_node_texts
from ectype.sql.ddl_types import literal_text
from ectype.sql.dialect import Dialect
from ectype.types.base import Target

TABLE_SUFFIX: Final[dict[Target, str]] = {"postgres": "", "sqlite": "STRICT"}


def compile_ddl(node: Node, dialect: Dialect) -> tuple[str, ...]:
    """Return the statements that do what the node says, in order, without a closing semicolon.

    What SQLite does by building a table anew depends on the table, and has a remark in the place of its statements.

    Raises:
        MigrationError: a name is empty or too long for the database, or a default cannot be written down.
        UnsupportedError: the database cannot do it; the message names the construct and the database.

    >>> from ectype.sql.dialect import POSTGRES
    >>> compile_ddl(RenameTable("posts", to="articles"), POSTGRES)
    ('ALTER TABLE "posts" RENAME TO "articles"',)
    """
    match node:
        case CreateTable(table, if_not_exists):
            return _create_table(table, dialect, if_not_exists=if_not_exists)
        case DropTable():
            return (_drop_table(node, dialect),)
        case AlterTable():
            return (*alter_text(node, dialect), *_column_comments(node, dialect))
        case RenameTable() | RenameColumn() | RenameIndex():
            return (_rename(node, dialect),)
        case CreateIndex(index, if_not_exists):
            text = index_text(index, dialect, if_not_exists=if_not_exists)
            where = f"INDEX {qualified(index.name, index.prefix, dialect, what='index')}"
            return (text, *_comment(where, index.comment, dialect))
        case DropIndex():
            return (_drop_index(node, dialect),)
        case CreateConstraint() | DropConstraint() | RenameConstraint():
            return _constraint(node, dialect)
        case ValidateConstraint():
            return validate_text(node, dialect)
        case Comment(table, text, column, _, prefix):
            name = table_name(table, prefix, dialect)
            what = f"TABLE {name}" if column is None else f"COLUMN {name}.{quote(column, dialect, what='column')}"
            return _written(what, text, dialect)
        case Execute(up):
            return (up,) if up.strip() else ()
        case _:
            return object_node_texts(node, dialect)


def _rename(node: RenameTable | RenameColumn | RenameIndex, dialect: Dialect) -> str:
    match node:
        case RenameTable(name, to, prefix):
            return f"ALTER TABLE {table_name(name, prefix, dialect)} RENAME TO {table_name(to, None, dialect)}"
        case RenameColumn(table, name, to, prefix):
            old, new = (quote(one, dialect, what="column") for one in (name, to))
            return f"ALTER TABLE {table_name(table, prefix, dialect)} RENAME COLUMN {old} TO {new}"
        case RenameIndex(name, to, prefix):
            old, new = qualified(name, prefix, dialect, what="index"), quote(to, dialect, what="index")
            return f"ALTER INDEX {old} RENAME TO {new}" if dialect.alter_column else f"-- {old} is made anew as {new}"


def _create_table(table: Table, dialect: Dialect, *, if_not_exists: bool) -> tuple[str, ...]:
    if not table.columns:
        raise MigrationError(
            f"the table `{table.name}` has no columns",
            hint="leave `primary_key=False` out, or give it a column with `t.column(…)`",
        )
    lines = [column_text(table.name, column, dialect) for column in table.columns]
    lines += _primary_key(table, dialect)
    wide = [wide_key(table.name, column) for column in table.columns]
    constraints = [*table.checks, *table.constraints, *(key for key in wide if key is not None)]
    lines += [constraint_text(table.name, one, dialect) for one in constraints]
    body = ",\n  ".join(lines)
    name = table_name(table.name, table.prefix, dialect)
    head = f"CREATE {_unlogged(table, dialect)}TABLE {'IF NOT EXISTS ' if if_not_exists else ''}{name}"
    return (f"{head} (\n  {body}\n){_tail(table, dialect)}", *_comments(name, table, dialect))


def _tail(table: Table, dialect: Dialect) -> str:
    # SQLite has commas between what stands there, PostgreSQL none.
    parts = [part for part in (TABLE_SUFFIX[dialect.target], table.options or "") if part]
    return "".join(f" {part}" for part in (", ".join(parts),) if part)


def _unlogged(table: Table, dialect: Dialect) -> str:
    if table.unlogged and not dialect.schemas:
        raise UnsupportedError(
            f"the table `{table.name}` has `unlogged=True`, and {dialect.name} logs all tables alike",
            hint="leave it out; `synchronous=off` in the URL makes all writes faster, and less safe",
        )
    return "UNLOGGED " if table.unlogged else ""


def _primary_key(table: Table, dialect: Dialect) -> list[str]:
    keys = tuple(column.name for column in table.columns if column.primary_key)
    row_id = any(is_row_id(column, dialect) for column in table.columns)
    return [f"PRIMARY KEY ({columns_text(keys, dialect)})"] if keys and not row_id else []


def _drop_table(node: DropTable, dialect: Dialect) -> str:
    if node.cascade and not dialect.schemas:
        raise UnsupportedError(
            f"`{node.name}` is dropped with `cascade=True`, and {dialect.name} does not know what needs a table",
            hint="drop the views and foreign keys that use it first",
        )
    condition, cascade = "IF EXISTS " if node.if_exists else "", " CASCADE" if node.cascade else ""
    return f"DROP TABLE {condition}{table_name(node.name, node.prefix, dialect)}{cascade}"


def _drop_index(node: DropIndex, dialect: Dialect) -> str:
    if node.concurrently and not dialect.index_options:
        raise UnsupportedError(
            f"the index `{node.name}` is dropped with `concurrently`, and {dialect.name} has one writer at a time",
            hint="leave `concurrently` out",
        )
    how = ("CONCURRENTLY " if node.concurrently else "") + ("IF EXISTS " if node.if_exists else "")
    return f"DROP INDEX {how}{qualified(node.name, node.prefix, dialect, what='index')}"


def _constraint(node: CreateConstraint | DropConstraint | RenameConstraint, dialect: Dialect) -> tuple[str, ...]:
    table = table_name(node.table, node.prefix, dialect)
    match node:
        case CreateConstraint(_, one, validate, comment):
            text = constraint_text(node.table, one, dialect, validate=validate)
            where = f"CONSTRAINT {quote(one.name, dialect, what='constraint')} ON {table}"
            comments = _comment(where, comment, dialect)
            alter = f"ALTER TABLE {table} ADD {text}"
        case DropConstraint(_, name, _, if_exists):
            comments = ()
            condition = "IF EXISTS " if if_exists else ""
            alter = f"ALTER TABLE {table} DROP CONSTRAINT {condition}{quote(name, dialect, what='constraint')}"
        case RenameConstraint(_, name, to):
            old, new = (quote(one, dialect, what="constraint") for one in (name, to))
            comments = ()
            alter = f"ALTER TABLE {table} RENAME CONSTRAINT {old} TO {new}"
        case _:
            assert_never(node)
    return (alter, *comments) if dialect.alter_column else (rebuild_text(node, dialect),)


def _comments(name: str, table: Table, dialect: Dialect) -> tuple[str, ...]:
    texts = _comment(f"TABLE {name}", table.comment, dialect)
    for column in table.columns:
        quoted = quote(column.name, dialect, what="column")
        texts += _comment(f"COLUMN {name}.{quoted}", column.comment, dialect)
    return texts


def _column_comments(node: AlterTable, dialect: Dialect) -> tuple[str, ...]:
    added = [change.column for change in node.changes if isinstance(change, AddColumn)]
    table = table_name(node.name, node.prefix, dialect)
    texts: tuple[str, ...] = ()
    for column in added:
        quoted = quote(column.name, dialect, what="column")
        texts += _comment(f"COLUMN {table}.{quoted}", column.comment, dialect)
    return texts


def _comment(what: str, text: str | None, dialect: Dialect) -> tuple[str, ...]:
    return () if text is None else _written(what, text, dialect)


def _written(what: str, text: str | None, dialect: Dialect) -> tuple[str, ...]:
    if not dialect.comments:
        raise UnsupportedError(
            f"a comment on {what.lower().partition(' ')[0]} {what.partition(' ')[2]}: {dialect.name} keeps no comments",
            hint="leave the comment out, and write it into the migration's file",
        )
    return (f"COMMENT ON {what} IS {'NULL' if text is None else literal_text(text, dialect)}",)

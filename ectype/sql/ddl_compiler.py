"""DDL nodes to SQL text, written by hand for each dialect (a SQL generator knows too little DDL to be trusted)."""

from collections.abc import Callable, Sequence
from typing import Final, assert_never

from ectype.errors import MigrationError, UnsupportedError
from ectype.sql.ddl import (
    AddColumn,
    AlterTable,
    Check,
    Column,
    CreateIndex,
    CreateTable,
    DropIndex,
    DropTable,
    Execute,
    Index,
    Node,
    OnAction,
    Raw,
    References,
    RemoveColumn,
    RenameColumn,
    RenameTable,
    Table,
    TableChange,
    foreign_key_name,
)
from ectype.sql.ddl_types import column_type, default_text, primary_key_text
from ectype.sql.dialect import Dialect
from ectype.types.base import Target

ACTIONS: Final[dict[OnAction, str]] = {
    "nothing": "NO ACTION",
    "restrict": "RESTRICT",
    "cascade": "CASCADE",
    "set_null": "SET NULL",
}

TABLE_SUFFIX: Final[dict[Target, str]] = {"postgres": "", "sqlite": " STRICT"}


def compile_ddl(node: Node, dialect: Dialect) -> tuple[str, ...]:
    """Return the statements that do what the node says, in order, without a closing semicolon.

    Raises:
        MigrationError: a name is empty or too long for the database, or a default cannot be written down.
        UnsupportedError: the database cannot do it; the message names the construct and the database.

    >>> from ectype.sql.dialect import POSTGRES
    >>> compile_ddl(RenameTable("posts", to="articles"), POSTGRES)
    ('ALTER TABLE "posts" RENAME TO "articles"',)
    """
    match node:
        case CreateTable(table):
            return (_create_table(table, dialect),)
        case DropTable(name):
            return (f"DROP TABLE {_table(name, dialect)}",)
        case AlterTable(name, changes):
            return _alter_table(name, changes, dialect)
        case RenameTable(name, to):
            return (f"ALTER TABLE {_table(name, dialect)} RENAME TO {_table(to, dialect)}",)
        case RenameColumn(table, name, to):
            old, new = (quote(one, dialect, what="column") for one in (name, to))
            return (f"ALTER TABLE {_table(table, dialect)} RENAME COLUMN {old} TO {new}",)
        case CreateIndex(index):
            return (_create_index(index, dialect),)
        case DropIndex(name):
            return (f"DROP INDEX {quote(name, dialect, what='index')}",)
        case Execute(up):
            return (up,) if up.strip() else ()
        case _:
            assert_never(node)


def quote(name: str, dialect: Dialect, *, what: str) -> str:
    """Return the identifier in quotes, or raise MigrationError where the database would refuse or shorten it.

    PostgreSQL cuts identifiers at 63 bytes and goes on, so that two long names become one.
    """
    if not name or "\0" in name:
        raise MigrationError(f"{name!r} cannot be the name of a {what}", hint="a name has at least one character")
    size = len(name.encode())
    if size > dialect.max_identifier:
        raise MigrationError(
            f"the {what} name `{name}` has {size} bytes; {dialect.name} takes {dialect.max_identifier} at most",
            hint=f"give the {what} a shorter name, with `name=` where the name was made from others",
        )
    return '"' + name.replace('"', '""') + '"'


def _table(name: str, dialect: Dialect) -> str:
    if "." in name:
        raise MigrationError(
            f"the table name `{name}` holds a dot, which would become part of the name itself",
            hint='name a table of another database schema in SQL text: m.execute("CREATE TABLE …", "DROP TABLE …")',
        )
    return quote(name, dialect, what="table")


def _create_table(table: Table, dialect: Dialect) -> str:
    if not table.columns:
        raise MigrationError(
            f"the table `{table.name}` has no columns",
            hint="leave `primary_key=False` out, or give it a column with `t.column(…)`",
        )
    lines = [_column(table.name, column, dialect) for column in table.columns]
    lines += _primary_key(table, dialect)
    lines += [_check(check, dialect) for check in table.checks]
    body = ",\n  ".join(lines)
    return f"CREATE TABLE {_table(table.name, dialect)} (\n  {body}\n){TABLE_SUFFIX[dialect.target]}"


def _primary_key(table: Table, dialect: Dialect) -> list[str]:
    keys = [quote(column.name, dialect, what="column") for column in table.columns if column.primary_key]
    identity = any(column.identity for column in table.columns)
    return [f"PRIMARY KEY ({', '.join(keys)})"] if keys and not identity else []


def _check(check: Check, dialect: Dialect) -> str:
    return f"CONSTRAINT {quote(check.name, dialect, what='check')} CHECK ({check.sql})"


def _column(table: str, column: Column, dialect: Dialect) -> str:
    name = quote(column.name, dialect, what="column")
    if column.identity:
        return f"{name} {primary_key_text(dialect)}"
    parts = [name, column_type(table, column, dialect)]
    if column.default is not None:
        parts.append(f"DEFAULT {default_text(table, column, dialect)}")
    if not column.null or column.primary_key:
        parts.append("NOT NULL")
    if column.references is not None:
        parts.append(_references(table, column.name, column.references, dialect))
    return " ".join(parts)


def _references(table: str, column: str, to: References, dialect: Dialect) -> str:
    # The constraint stands at its column: SQLite can drop such a column again, one named by a table constraint not.
    name = quote(to.name or foreign_key_name(table, column), dialect, what="foreign key")
    target = f"{_table(to.table, dialect)} ({quote(to.column, dialect, what='column')})"
    text = f"CONSTRAINT {name} REFERENCES {target}"
    if to.on_delete != "nothing":
        text += f" ON DELETE {ACTIONS[to.on_delete]}"
    if to.on_update != "nothing":
        text += f" ON UPDATE {ACTIONS[to.on_update]}"
    return text


def _alter_table(name: str, changes: Sequence[TableChange], dialect: Dialect) -> tuple[str, ...]:
    head = f"ALTER TABLE {_table(name, dialect)} "
    return ALTERS[dialect.target](head, [_change(name, change, dialect) for change in changes])


def _in_one(head: str, changes: Sequence[str]) -> tuple[str, ...]:
    return (head + ", ".join(changes),)


def _one_by_one(head: str, changes: Sequence[str]) -> tuple[str, ...]:
    return tuple(head + change for change in changes)


ALTERS: Final[dict[Target, Callable[[str, Sequence[str]], tuple[str, ...]]]] = {
    "postgres": _in_one,
    "sqlite": _one_by_one,  # SQLite takes one change a statement, see https://sqlite.org/lang_altertable.html
}


def _change(table: str, change: TableChange, dialect: Dialect) -> str:
    match change:
        case AddColumn(column):
            _refuse_unfillable(table, column, dialect)
            return f"ADD COLUMN {_column(table, column, dialect)}"
        case RemoveColumn(name):
            return f"DROP COLUMN {quote(name, dialect, what='column')}"
        case _:
            assert_never(change)


def _refuse_unfillable(table: str, column: Column, dialect: Dialect) -> None:
    where = f"`{column.name}` of `{table}`"
    if column.primary_key:
        raise UnsupportedError(
            f"{where}: a primary key cannot be added to a table that exists ({dialect.name})",
            hint="make a new table with that key, copy the rows, and rename it",
        )
    # With ALTER … ADD COLUMN, SQLite refuses NOT NULL without a default even on an empty table.
    if not column.null and column.default is None and not dialect.alter_column:
        raise UnsupportedError(
            f"{where}: a NOT NULL column without a default cannot be added to a table that exists ({dialect.name})",
            hint="give it `default=…`, or leave out `null=False`",
        )


def _create_index(index: Index, dialect: Dialect) -> str:
    kind = "UNIQUE INDEX" if index.unique else "INDEX"
    name = quote(index.name, dialect, what="index")
    columns = ", ".join(_index_column(column, dialect) for column in index.columns)
    where = "" if index.where is None else f" WHERE {index.where}"
    return f"CREATE {kind} {name} ON {_table(index.table, dialect)} ({columns}){where}"


def _index_column(column: str | Raw, dialect: Dialect) -> str:
    if isinstance(column, Raw):
        return f"({column.sql})"
    quoted = quote(column, dialect, what="column")
    return INDEX_COLUMN[dialect.target](column, quoted)


def _as_quoted(name: str, quoted: str) -> str:  # noqa: ARG001  # one signature for the table below
    return quoted


def _in_backticks(name: str, quoted: str) -> str:  # noqa: ARG001  # one signature for the table below
    return "`" + name.replace("`", "``") + "`"


INDEX_COLUMN: Final[dict[Target, Callable[[str, str], str]]] = {
    "postgres": _as_quoted,
    # SQLite takes a misspelt "name" here for the text 'name' and indexes that; `name` can only be a column.
    # See https://sqlite.org/quirks.html#double_quoted_string_literals_are_accepted
    "sqlite": _in_backticks,
}

"""Indexes as SQL text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ectype.errors import MigrationError, UnsupportedError
from ectype.sql.ddl import Index, IndexColumn, Raw
from ectype.sql.ddl_columns import collation_text
from ectype.sql.ddl_constraints import refuse_equal_nulls
from ectype.sql.ddl_names import columns_text, quote, table_name
from ectype.sql.dialect import Dialect
from ectype.types.base import Target


def index_text(index: Index, dialect: Dialect, *, if_not_exists: bool = False) -> str:
    """Return the statement that makes an index.

    Raises:
        MigrationError: its options contradict each other.
        UnsupportedError: this database has no such index.
    """
    _refuse(index, dialect)
    table = table_name(index.table, index.prefix, dialect)
    text = "CREATE UNIQUE INDEX " if index.unique else "CREATE INDEX "
    text += "CONCURRENTLY " if index.concurrently else ""
    text += "IF NOT EXISTS " if if_not_exists else ""
    text += f"{quote(index.name, dialect, what='index')} ON {'ONLY ' if index.only else ''}{table}"
    text += "" if index.using is None else f" USING {index.using}"
    text += f" ({', '.join(_term(index, one, dialect) for one in index.columns)})"
    text += f" INCLUDE ({columns_text(index.include, dialect)})" if index.include else ""
    text += "" if index.nulls_distinct else " NULLS NOT DISTINCT"
    text += "" if index.options is None else f" WITH ({index.options})"
    return text if index.where is None else f"{text} WHERE {index.where}"


def _refuse(index: Index, dialect: Dialect) -> None:
    if not index.nulls_distinct and not index.unique:
        raise MigrationError(
            f"the index `{index.name}` has `nulls_distinct=False`, and is not unique",
            hint="say `unique=True` too, or leave it out",
        )
    ordered = [one for one in index.columns if isinstance(one, IndexColumn)]
    given = (
        ("using", index.using not in (None, "btree")),
        ("include", bool(index.include)),
        ("nulls_distinct=False", not index.nulls_distinct),
        ("concurrently", index.concurrently),
        ("only", index.only),
        ("options", index.options is not None),
        ("nulls", any(one.nulls is not None for one in ordered)),
        ("operator_class", any(one.operator_class is not None for one in ordered)),
    )
    for option, is_given in given:
        if is_given and not dialect.index_options:
            raise UnsupportedError(
                f"the index `{index.name}` has `{option}`, which no index of {dialect.name} has",
                hint=HINTS.get(option, f"leave `{option}` out"),
            )
    refuse_equal_nulls(f"the index `{index.name}`", dialect, nulls_distinct=index.nulls_distinct)


HINTS: Final = {
    "concurrently": "leave it out: a SQLite database has one writer at a time, and no index is made beside it",
    "include": "put the columns into the index itself: it then holds them too",
    "using": "leave it out; for a search in texts, take a virtual table of FTS5",
    "nulls_distinct=False": "index an expression that is never NULL: Raw(\"ifnull(email, '')\")",
}


def _term(index: Index, column: str | Raw | IndexColumn, dialect: Dialect) -> str:
    if not isinstance(column, IndexColumn):
        return _operand(column, dialect)
    parts = [_operand(column.of, dialect)]
    if column.collation is not None:
        parts.append(f"COLLATE {collation_text(f'the index `{index.name}`', column.collation, dialect)}")
    if column.operator_class is not None:
        parts.append(column.operator_class)
    if column.direction is not None:
        parts.append(column.direction.upper())
    if column.nulls is not None:
        parts.append(f"NULLS {column.nulls.upper()}")
    return " ".join(parts)


def _operand(column: str | Raw, dialect: Dialect) -> str:
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

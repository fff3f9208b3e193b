"""The compilers, loaded at the first statement: importing sqlglot takes longer than all of ectype."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from importlib import import_module
from typing import Any, cast

from ectype.expr.nodes import Expression
from ectype.query.ast import Step
from ectype.sql.dialect import Dialect
from ectype.sql.shapes import InsertShape, KeyedShape
from ectype.sql.statement import Statement

_WRITING = re.compile(r"\b(?:INSERT INTO|UPDATE|DELETE FROM)\b")


def _marked(statement: Statement, dialect: Dialect) -> Statement:
    """Return the write of one row with the text that tells its transaction as well; RETURNING stands last in it."""
    if dialect.transaction_id is None:
        return replace(statement, writes=True)
    back = ", " if statement.columns else " RETURNING "
    return replace(statement, writes=True, marked=f"{statement.sql}{back}{dialect.transaction_id}")


@cache
def _module(name: str) -> Any:
    return import_module(f"ectype.sql.{name}")


def quoted_name(dialect: Dialect, *names: str) -> str:
    """Return the quoted text of a name, or of names with dots between them.

    Raises:
        QueryError: when the database would cut one off, or it holds a NUL character.
    """
    lower = _module("lower")
    return ".".join(cast("str", lower.render(lower.quoted(name, dialect), dialect)) for name in names)


def compile_select(step: Step, dialect: Dialect, prefix: str | None = None) -> Statement:
    """Return the SELECT of a query's shape."""
    statement = cast("Statement", _module("compiler").compile_select(step, dialect, prefix))
    # Only a CTE can write in it. A quoted name that looks like it costs a question before COMMIT, no more.
    found = statement.sql.startswith("WITH") and _WRITING.search(statement.sql)
    return replace(statement, writes=True) if found else statement


def compile_exists(step: Step, dialect: Dialect, prefix: str | None = None) -> Statement:
    """Return the statement that asks whether a query has a row."""
    return cast("Statement", _module("compiler").compile_exists(step, dialect, prefix))


def compile_insert(shape: InsertShape, dialect: Dialect, *, told: bool = False) -> Statement:
    """Return the INSERT of one row; `told` adds whether it was inserted, where the database can tell."""
    return _marked(_module("writes").compile_insert(shape, dialect, told=told), dialect)


def compile_keyed(shape: KeyedShape, dialect: Dialect) -> Statement:
    """Return the UPDATE or DELETE of one row by its key."""
    return _marked(_module("writes").compile_keyed(shape, dialect), dialect)


def compile_each(shape: InsertShape, dialect: Dialect) -> Statement:
    """Return the INSERT of one row that is run once for each; it dumps all rows at once."""
    return _marked(_module("bulk").compile_each(shape, dialect), dialect)


def compile_unnest(shape: InsertShape, dialect: Dialect) -> Statement:
    """Return the INSERT of many rows that takes each column as one array."""
    return replace(cast("Statement", _module("bulk").compile_unnest(shape, dialect)), writes=True)


def compile_insert_query(shape: InsertShape, step: Step, prefix: str | None, dialect: Dialect) -> Statement:
    """Return the INSERT of what a query selects."""
    return replace(
        cast("Statement", _module("insert_select").compile_insert_query(shape, step, prefix, dialect)), writes=True
    )


def compile_insert_cells(
    shape: InsertShape, cells: tuple[tuple[Expression | None, ...], ...], dialect: Dialect
) -> Statement:
    """Return the INSERT of rows of which some cells are expressions; None is a plain value."""
    return replace(cast("Statement", _module("insert_select").compile_insert_cells(shape, cells, dialect)), writes=True)


def compile_copy(shape: InsertShape, dialect: Dialect) -> Any:
    """Return the `CopyShape` of many rows: see `ectype.sql.bulk`."""
    return _module("bulk").compile_copy(shape, dialect)


def compile_update_all(
    step: Step,
    assignments: tuple[tuple[str, Expression], ...],
    dialect: Dialect,
    *,
    prefix: str | None = None,
) -> Statement:
    """Return the UPDATE of all rows of a query, which gives back what the query selects."""
    statement = _module("updates").compile_update_all(step, assignments, dialect, prefix=prefix)
    return replace(cast("Statement", statement), writes=True)


def compile_delete_all(step: Step, dialect: Dialect, *, prefix: str | None = None) -> Statement:
    """Return the DELETE of all rows of a query, which gives back what the query selects."""
    return replace(cast("Statement", _module("updates").compile_delete_all(step, dialect, prefix=prefix)), writes=True)


def compile_aggregate(step: Step, aggregate: Expression, dialect: Dialect, prefix: str | None = None) -> Statement:
    """Return the SELECT of one aggregate over the rows of a query."""
    return cast("Statement", _module("aggregates").compile_aggregate(step, aggregate, dialect, prefix))

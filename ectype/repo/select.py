"""One SELECT: its prepared statement by shape, and its loaded rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from ectype.adapters.base import Connection
from ectype.errors import CastError, DivisionByZeroError
from ectype.query.ast import Link, LinkedRow, Step
from ectype.query.builder import Query
from ectype.repo.call import PLAIN, Call
from ectype.repo.engine import Engine, Prepared
from ectype.repo.hooks import Operation
from ectype.sql.compilers import compile_select
from ectype.sql.dialect import Dialect


def prepare(engine: Engine, node: Step, prefix: str | None) -> Prepared:
    """Return the prepared SELECT of a shape, from the cache or compiled now."""
    key = node if prefix is None else (node, prefix)
    found: Prepared | None = engine.plans.young.get(key)
    if found is not None:
        return found
    return engine.plan(key, lambda dialect: Prepared(compile_select(node, dialect, prefix), prefix=prefix))


async def fetch_rows(
    engine: Engine,
    query: Query[Any, Any, Any],
    call: Call = PLAIN,
    operation: Operation | None = None,
    on: Connection | None = None,
) -> list[Any]:
    """Return the rows of a query, without what it preloads.

    `operation` is what the repo's hook is told; None for a query that has been through it, or is none of the user's.
    `on` is a connection that is held for it.
    """
    if operation is not None:
        query = engine.hooked(query, operation, call)
    prepared = prepare(engine, query.node, call.prefix or engine.prefix)
    return await engine.fetch(prepared, dumped(prepared, query, query.params), call, on)


async def fetch_linked(
    engine: Engine, query: Query[Any, Any, Any], links: tuple[Link, ...], call: Call = PLAIN
) -> list[Any]:
    """Return the structs of a query's rows, each holding those that stand beside it."""
    node, known = query.node, call.prefix or engine.prefix

    def make(dialect: Dialect) -> Prepared:
        statement = compile_select(node, dialect, known)
        beside = cast("Any", statement.row)
        return Prepared(replace(statement, row=LinkedRow(beside.items, links)), prefix=known)

    prepared = engine.plan(("linked", node, links, known), make)
    return await engine.fetch(prepared, dumped(prepared, query, query.params), call)


def dumped(prepared: Prepared, query: Query[Any, Any, Any], values: tuple[object, ...]) -> Sequence[Any]:
    """Return the parameters of a statement over a query. A refusal says which query it was."""
    try:
        return prepared.dump(values)
    except (CastError, DivisionByZeroError) as exc:
        exc.add_note(f"in the query {query!r}")
        raise

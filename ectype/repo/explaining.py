"""How a database would run a query, or how it did: in a transaction that is rolled back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, Final, TypeAlias, cast

from ectype.errors import QueryError
from ectype.expr.operand import Assignment
from ectype.query.builder import Query
from ectype.repo.bulk import hooked_update, prepare_delete, prepare_update
from ectype.repo.call import Call
from ectype.repo.engine import REDACTED, Engine, Prepared
from ectype.repo.plan import Plan, drawn, plan_of_json, plan_of_steps
from ectype.repo.reader import query_of
from ectype.repo.select import dumped, prepare
from ectype.sql.explain import explain_text
from ectype.sql.statement import Statement

Explained: TypeAlias = str | list[dict[str, Any]] | Plan
_CONSTANT: Final = re.compile(r"E?'(?:[^']|'')*'")
_numbers: Final = count(1)
_COLUMNS: Final = ("id", "parent", "notused", "detail")


async def explain(
    engine: Engine,
    queryable: Any,
    assignments: Sequence[Assignment[Any]],
    call: Call,
    *,
    delete: bool,
    form: str,
    rollback: bool,
    options: Mapping[str, Any],
) -> Explained:
    """Return the plan of a query, or of the `update_all` or `delete_all` of its rows.

    Raises:
        QueryError: for both assignments and `delete`, and as `explain_text`.
        UnsupportedError: as `explain_text`.
    """
    prepared, params = _prepared(engine, queryable, assignments, call, delete=delete)
    generic = options.get("plan") == "generic"
    name = f"ectype_explained_{next(_numbers)}"
    sql = f"EXECUTE {name}{_nulls(len(params))}" if generic else prepared.sql
    explaining = Prepared(
        Statement(
            explain_text(sql, engine.dialect, form, options),
            prepared.dump,
            redacted=prepared.redacted,
            operation="EXPLAIN",
            place=(prepared.said.table, prepared.said.prefix),
        )
    )
    rows: list[Any] = []
    if generic:
        rows = await _generic(engine, prepared.sql, name, explaining, call)
    elif options.get("analyze") and rollback:
        async with engine.session.transaction(call=call) as tx:
            rows = await engine.fetch(explaining, params, call)
            tx.rollback()
    else:
        rows = await engine.fetch(explaining, params, call)
    if not engine.dialect.explain_options:
        return _of_steps([dict(zip(_COLUMNS, row, strict=True)) for row in rows], form, prepared.sql)
    # A plan shows the values that it was made for.
    return _of_text([str(row[0]) for row in rows], form, hide=bool(prepared.redacted))


def _nulls(count: int) -> str:
    return f"({', '.join(['NULL'] * count)})" if count else ""


async def _generic(engine: Engine, sql: str, name: str, explaining: Prepared, call: Call) -> list[Any]:
    """Explain a statement for values that are not known: the driver cannot send one with parameters and no values."""
    rows: list[Any] = []
    session = engine.session
    async with session.transaction(call=call) as tx:
        await session.script(f"SET LOCAL plan_cache_mode = force_generic_plan; PREPARE {name} AS {sql}", call.timeout)
        rows = await engine.fetch(explaining, (), call)
        await session.script(f"DEALLOCATE {name}", call.timeout)
        tx.rollback()
    return rows


def _prepared(
    engine: Engine, queryable: Any, assignments: Sequence[Assignment[Any]], call: Call, *, delete: bool
) -> tuple[Prepared, Sequence[Any]]:
    query: Query[Any, Any, Any] = query_of(queryable)
    prefix = call.prefix or engine.prefix
    if assignments and delete:
        raise QueryError("`explain` explains one statement, and got assignments and `delete`", hint="leave one out")
    # Through the hook, as what is explained: it may run, and stay.
    if assignments:
        query = hooked_update(engine, query, assignments, call)
        prepared, values = prepare_update(engine, query, assignments, prefix)
    elif delete:
        query = engine.hooked(query, "delete_all", call)
        prepared, values = prepare_delete(engine, query, prefix), query.params
    else:
        query = engine.hooked(query, "all", call)
        prepared, values = prepare(engine, query.node, prefix), query.params
    return prepared, dumped(prepared, query, values)


def _of_steps(steps: list[dict[str, Any]], form: str, sql: str) -> Explained:
    if form == "json":
        return steps
    plan = plan_of_steps(steps, sql)
    return plan if form == "plan" else drawn(plan)


def _of_text(lines: list[str], form: str, *, hide: bool) -> Explained:
    if form in ("text", "yaml"):
        text = "\n".join(lines)
        return _hidden(text) if hide else text
    documents = cast("list[dict[str, Any]]", json.loads("\n".join(lines)))
    if hide:
        documents = cast("list[dict[str, Any]]", _without_constants(documents))
    return documents if form == "json" else plan_of_json(documents[0])


def _hidden(text: str) -> str:
    return _CONSTANT.sub(f"'{REDACTED}'", text)


def _without_constants(value: object) -> object:
    if isinstance(value, str):
        return _hidden(value)
    if isinstance(value, list):
        return [_without_constants(one) for one in cast("list[object]", value)]
    if isinstance(value, dict):
        return {name: _without_constants(one) for name, one in cast("dict[str, object]", value).items()}
    return value

"""Rows that a query gives are inserted where they are: `INSERT INTO … SELECT …`."""

from __future__ import annotations

from typing import Any

from ectype.errors import QueryError
from ectype.expr.nodes import Entity
from ectype.expr.operand import Attr
from ectype.query.ast import Step, steps
from ectype.query.builder import Query
from ectype.query.conflicts import OnConflict, plan_conflict
from ectype.query.planner import plan_select
from ectype.repo.call import Call
from ectype.repo.engine import Engine, Prepared
from ectype.repo.returning import COUNT, Back
from ectype.repo.rows import fields_of
from ectype.repo.select import dumped
from ectype.schema.meta import SchemaInfo
from ectype.schema.sources import TableSource
from ectype.schema.table_parts import Index
from ectype.sql.compilers import compile_insert_query
from ectype.sql.shapes import InsertShape


async def insert_query(
    engine: Engine,
    source: TableSource,
    query: Query[Any, Any, Any],
    on_conflict: OnConflict[Any] | None,
    targets: tuple[Attr[Any, Any], ...] | Index[Any],
    back: Back,
    call: Call,
) -> Any:
    """Insert what a query selects, by the names it gives, and return how many rows, or what comes back of them.

    Raises:
        QueryError: for a query whose outputs have no names, or names that are no columns, or values of another type.
    """
    info, node, known = source.info, query.node, call.prefix or engine.prefix
    if query.preloads:
        raise QueryError("`insert_all` writes what a query selects, and this one preloads", hint="leave it out")
    fields = engine.plan(("insert_query", node, info), lambda _dialect: _fields(info, node))
    planned, params = plan_conflict(info, on_conflict, targets, fields)
    where = source.prefix or info.prefix or known
    shape = InsertShape(info, fields, back.names, planned, where, source.table)
    row = back.row(info, source.table, where)
    prepared = engine.plan(
        ("insert_query", shape, node, back.form, known),
        lambda dialect: Prepared(compile_insert_query(shape, node, known, dialect), row, where),
    )
    values = dumped(prepared, query, query.params + params)
    if back is COUNT:
        return await engine.execute(prepared, values, call)
    return await engine.fetch(prepared, values, call)


def _fields(info: SchemaInfo, node: Step) -> tuple[str, ...]:
    for step in steps(node):
        if step.kind == "select" and not step.arg[2] and not isinstance(step.arg[1][0], Entity):
            raise QueryError(
                f"`insert_all` writes what a query selects by its names into {info.name}, and a tuple has none",
                hint=f"name them: `query.select({{'{info.column_names[-1]}': …}})`, or `query.project({info.name}(…))`",
            )
    names = tuple([output.name for output in plan_select(node, outermost=True, all_members=False).outputs])
    fields_of(info, names)
    if len(set(names)) < len(names):
        raise QueryError(f"`insert_all` got one column of {info.name} twice: {', '.join(names)}")
    return names

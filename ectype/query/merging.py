"""Members of the selected struct that a query fills itself: `select_merge(Post.total.set(fn.count(Comment.id)))`."""

from __future__ import annotations

from typing import Any, cast

from ectype.errors import QueryError
from ectype.expr import nodes
from ectype.expr.operand import Assignment
from ectype.query.ast import Step, steps
from ectype.query.joining import Grown
from ectype.query.naming import check_names
from ectype.query.scope import check_scope, grow
from ectype.schema.meta import SchemaInfo
from ectype.schema.rel import Rel


def merge_step(node: Step, assignments: tuple[Any, ...]) -> Grown:
    """Return the step after filling these members, and the values of their parameters.

    Raises:
        QueryError: for none, what is no assignment, a member of another schema, a query whose row is not one struct,
            or an expression out of scope.
    """
    if not assignments:
        raise QueryError("nothing is merged", hint="write `query.select_merge(Post.total.set(fn.count()))`")
    params: tuple[object, ...] = ()
    for one in assignments:
        if not isinstance(one, Assignment):
            raise _no_assignment(one)
        key = ("merge", one.column, one.node)
        grown = node.kids.get(key)
        if grown is None:
            grown = _grow(node, key, cast("Assignment[Any, Any]", one))
        node = grown
        params += one.params
    return node, params


def _no_assignment(given: object) -> QueryError:
    if isinstance(given, Rel):
        return QueryError(
            f"`{given!r}` is an association, which a select cannot set",
            hint=f"load it with `.preload({given!r})`",
        )
    return QueryError(
        f"`select_merge` takes assignments, got {given!r:.80}", hint="write `select_merge(Post.total.set(fn.count()))`"
    )


def _grow(node: Step, key: Any, one: Assignment[Any, Any]) -> Step:
    base = base_of(node)
    column = one.column
    source: Any = base.source
    info: SchemaInfo = source.info
    if column.source not in (source, info.source):
        raise QueryError(
            f"`select_merge` fills members of {source.label}, and `{column.source.label}.{column.name}` is another's",
            hint=f"set one of the struct that is selected: `{source.label}.….set(…)`, or select both: "
            f"`select({source.label}, {column.source.label}.{column.name})`",
        )
    value = one.node
    if value is nodes.PARAM:
        # A bare value has no type in a select, where nothing stands beside it.
        value = nodes.param(info.field(column.name).type)
    check_scope(node, value, "select_merge")
    check_names(node, value)
    return grow(node, key, "merge", (column.name, value))


def base_of(node: Step) -> nodes.Entity:
    """Return the struct that a query selects. Raises QueryError where a row is something else."""
    built = steps(node)
    select = next((one for one in built if one.kind == "select"), None)
    if select is None:
        whole: nodes.Entity = built[0].arg.entity.node
        return whole
    maker, items, _names = select.arg
    if maker is None and len(items) == 1 and isinstance(items[0], nodes.Entity):
        return items[0]
    raise QueryError(
        "`select_merge` fills members of one struct, and this query selects something else",
        hint="select the struct, `query.select(Post).select_merge(…)`, or the expressions beside it: "
        "`query.select(Post, fn.count())`",
    )

"""Selects: which expressions come out, and what a row is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from ectype.errors import QueryError
from ectype.expr import nodes
from ectype.expr.operand import Assignment, Expr, Ranking, shape_of
from ectype.query.ast import Step
from ectype.query.joining import Grown
from ectype.query.naming import check_names, check_outputs
from ectype.query.scope import check_scope, grow
from ectype.schema.meta import SchemaInfo, struct_info
from ectype.schema.rel import Rel
from ectype.schema.structs import state_of

MOST: Final = 10
"""How many expressions a tuple has: the checkers know no more."""


def select_step(node: Step, maker: Any, items: tuple[Any, ...], names: tuple[str, ...]) -> Grown:
    """Return the step that selects `items`, and the values of their parameters.

    `maker` is None for a value or a tuple, the schema of a projection, `dict`, or the callable of `select_into`.

    Raises:
        QueryError: when the query has a select already, or an expression is out of scope.
    """
    if not items:
        raise QueryError("a select needs at least one expression", hint="write `query.select(Post.title)`")
    params: tuple[object, ...] = ()
    picked: list[Any] = []
    for item in items:
        expression = (
            cast("Expr[Any, Any]", item) if isinstance(item, Expr) else _expression(item, maker, names, len(picked))
        )
        picked.append(expression.node)
        params += expression.params
    chosen = tuple(picked)
    key = chosen if maker is None else ("select", maker, chosen, names)
    grown = node.kids.get(key)
    if grown is None:
        _check(node, chosen, maker)
        grown = grow(node, key, "select", (maker, chosen, names))
    return grown, params


def _expression(item: Any, maker: Any, names: tuple[str, ...], position: int) -> Expr[Any, Any]:
    entity = getattr(item, "__entity__", None)
    if entity is not None:
        return cast("Expr[Any, Any]", entity)
    if isinstance(maker, SchemaInfo):
        # A plain value in a projection is a parameter of its field's type.
        return Expr(nodes.NULL) if item is None else Expr(nodes.param(maker.field(names[position]).type), (item,))
    raise QueryError(f"a select takes expressions and schemas, got {item!r:.80}", hint=_hint(item))


def _hint(item: object) -> str:
    """Return what to write instead of what cannot be selected."""
    if isinstance(item, list | tuple | set):
        return "list them side by side: `select(Post.id, Post.title)`"
    if isinstance(item, Mapping):
        return "a dict of names and expressions stands alone: `select({'id': Post.id, 'n': fn.count()})`"
    if isinstance(item, Rel):
        return f"select what it leads to, `.join({item!r}).select(…)`, or load it: `.preload({item!r})`"
    if isinstance(item, Assignment):
        return f"fill members over a struct with `select_merge({item!r})`"
    if isinstance(item, Ranking):
        return "say over which rows: `fn.row_number().over(window(order_by=Post.id))`"
    if shape_of(item) is not None:
        return "a query inside a select gives one value: `scalar(query)`"
    return "wrap a constant: `literal('new')`"


def _check(node: Step, chosen: tuple[Any, ...], maker: Any) -> None:
    one: Step | None = node
    while one is not None:
        if one.kind in ("select", "merge"):
            what = "select" if one.kind == "select" else "select_merge, which fills members of the struct it selects"
            raise QueryError(
                f"this query has a {what} already", hint="select once, after the joins, or read it by `subquery(…)`"
            )
        one = one.parent
    if maker is None and len(chosen) > MOST:
        raise QueryError(
            f"a select gives tuples of at most {MOST}, got {len(chosen)} expressions",
            hint="give them names: `query.project(Line(title=Post.title, …))`, `query.select_into(Card, title=…)`, or "
            "`query.select({'title': Post.title, …})`",
        )
    for item in chosen:
        check_scope(node, item, "select")
    check_names(node, *chosen)
    check_outputs(chosen)


def projection(row: Any) -> tuple[SchemaInfo, tuple[Any, ...], tuple[str, ...]]:
    """Return the schema, the expressions and the names of a struct whose members are expressions.

    Raises:
        QueryError: when a column has no expression and no default.
    """
    info = struct_info(row)
    given = state_of(row)
    missing = [name for name in info.column_names if name not in given]
    if missing:
        raise QueryError(
            f"`project` got no expression for `{missing[0]}` of {info.name}",
            hint=f"write `{info.name}({missing[0]}=…)`, or give the field a default",
        )
    names = tuple(name for name in info.field_names if name in given)
    return info, tuple(given[name] for name in names), names


def named_items(given: Mapping[object, Any]) -> tuple[tuple[Any, ...], tuple[str, ...]]:
    """Return the expressions of a dict and their names.

    Raises:
        QueryError: for an empty dict, or a key that is no text.
    """
    if not given:
        raise QueryError("a select needs at least one expression", hint="write `query.select({'id': Post.id})`")
    names: list[str] = []
    for name in given:
        if not isinstance(name, str):
            raise QueryError(
                f"the keys of a selected dict are texts, got {name!r:.80}", hint="write `query.select({'id': Post.id})`"
            )
        names.append(name)
    return tuple(given.values()), tuple(names)

"""Limits and offsets: how many rows, as a number, or as an expression that has one value for the whole query."""

from __future__ import annotations

from typing import Any, cast

from ectype.errors import QueryError
from ectype.expr import nodes, walk
from ectype.expr.describe import sketch
from ectype.expr.nodes import Expression, Over
from ectype.expr.operand import Expr
from ectype.query.ast import Step, steps
from ectype.query.excluding import replayed
from ectype.query.inference import plain, type_of
from ectype.query.joining import Grown
from ectype.query.planner import step_width
from ectype.query.scope import grow
from ectype.types.numeric import INTEGER


def counted(node: Step, params: tuple[object, ...], kind: str, count: object, how: str | None) -> Grown:
    """Return the step of a limit or an offset instead of the one before, and all values of the query.

    `how` is `ties` for a limit that gives the rows equal to the last one too.

    Raises:
        QueryError: for what is no number of rows, or no expression that has one for the whole query.
    """
    number, values = _number(kind, count)
    key = kind if number is nodes.PARAM and how is None else (kind, how, number)
    arg = (number, how)
    place = 0
    for one in steps(node):
        width = step_width(one)
        if one.kind == kind and one.arg == arg:
            return node, (*params[:place], *values, *params[place + width :])
        if one.kind == kind:
            node, params = replayed(node, params, lambda step: step.kind != kind)
            break
        place += width
    return node.kids.get(key) or grow(node, key, kind, arg), (*params, *values)


def _number(kind: str, count: object) -> tuple[Expression, tuple[object, ...]]:
    if isinstance(count, Expr):
        expression = cast("Expr[Any, Any]", count)
        _check(kind, expression.node)
        return expression.node, expression.params
    if count.__class__ is not int or cast("int", count) < 0:
        raise QueryError(f"`{kind}` takes a number of rows, 0 or more, got {count!r}")
    return nodes.PARAM, (count,)


def _check(kind: str, node: Expression) -> None:
    for source in walk.sources(node):
        raise QueryError(
            f"`{kind}` is one number for all rows, so it mentions none of their columns, and `{sketch(node)}` mentions "
            f"{source.label}",
            hint="read the number by a query of its own: "
            f"`query.{kind}(scalar(from_({source.label}).select(fn.max(…))))`",
        )
    if _is_computed(node):
        raise QueryError(
            f"`{kind}` is one number for all rows, so nothing is aggregated or ranked in it: `{sketch(node)}`",
            hint=f"aggregate in a query of its own: `query.{kind}(scalar(from_(…).select(fn.count())))`",
        )
    if any(walk.names(node)):
        raise QueryError(
            f"`as_` names what is selected, and `{kind}` selects nothing: `{sketch(node)}`", hint="leave the name out"
        )
    type_ = plain(type_of(node))
    if type_ is not None and type_ != INTEGER:
        raise QueryError(
            f"`{kind}` takes a number of rows, and `{sketch(node)}` is of type {type_.name}",
            hint=f"make it a whole number: `query.{kind}((…).as_type(int))`",
        )


def _is_computed(node: walk.Part) -> bool:
    return walk.is_aggregate(node) or isinstance(node, Over) or any(map(_is_computed, walk.parts(node)))

"""Choices: `case((condition, value), …, else_=value)`."""

from __future__ import annotations

from enum import Enum
from typing import Any, Never, TypeAlias, cast, overload

import typing_extensions

from ectype.errors import QueryError
from ectype.expr import nodes
from ectype.expr.nodes import Expression
from ectype.expr.operand import Expr, Operand, any_operand, operand_of
from ectype.types.resolve import field_type
from ectype.types.values import type_of_value

S1 = typing_extensions.TypeVar("S1", default=Never)
S2 = typing_extensions.TypeVar("S2", default=Never)
S3 = typing_extensions.TypeVar("S3", default=Never)
S4 = typing_extensions.TypeVar("S4", default=Never)
V1 = typing_extensions.TypeVar("V1", default=Never)
V2 = typing_extensions.TypeVar("V2", default=Never)
V3 = typing_extensions.TypeVar("V3", default=Never)
V4 = typing_extensions.TypeVar("V4", default=Never)
V5 = typing_extensions.TypeVar("V5", default=Never)
T = typing_extensions.TypeVar("T", default=Any)

Branch: TypeAlias = tuple[Expr[S1, bool | None], Expr[V1, T] | T]
"""A condition, and the value or expression where it holds."""


@overload
def case(a: Branch[S1, V1, T], /, *, else_: Expr[V5, T] | T) -> Operand[S1 | V1 | V5, T]: ...
@overload
def case(a: Branch[S1, V1, T], /) -> Operand[S1 | V1, T | None]: ...
@overload
def case(
    a: Branch[S1, V1, T], b: Branch[S2, V2, T], /, *, else_: Expr[V5, T] | T
) -> Operand[S1 | V1 | S2 | V2 | V5, T]: ...
@overload
def case(  # mypy finds no T for two expressions in a union
    a: tuple[Expr[S1, bool | None], Expr[V1, T]], b: tuple[Expr[S2, bool | None], Expr[V2, T]], /
) -> Operand[S1 | V1 | S2 | V2, T | None]: ...
@overload
def case(a: Branch[S1, V1, T], b: Branch[S2, V2, T], /) -> Operand[S1 | V1 | S2 | V2, T | None]: ...
@overload
def case(
    a: Branch[S1, V1, T], b: Branch[S2, V2, T], c: Branch[S3, V3, T], /, *, else_: Expr[V5, T] | T
) -> Operand[S1 | V1 | S2 | V2 | S3 | V3 | V5, T]: ...
@overload
def case(
    a: Branch[S1, V1, T], b: Branch[S2, V2, T], c: Branch[S3, V3, T], /
) -> Operand[S1 | V1 | S2 | V2 | S3 | V3, T | None]: ...
@overload
def case(
    a: Branch[S1, V1, T],
    b: Branch[S2, V2, T],
    c: Branch[S3, V3, T],
    d: Branch[S4, V4, T],
    /,
    *more: Branch[S1, V1, T],
    else_: Expr[V5, T] | T,
) -> Operand[S1 | V1 | S2 | V2 | S3 | V3 | S4 | V4 | V5, T]: ...
@overload
def case(
    a: Branch[S1, V1, T],
    b: Branch[S2, V2, T],
    c: Branch[S3, V3, T],
    d: Branch[S4, V4, T],
    /,
    *more: Branch[S1, V1, T],
) -> Operand[S1 | V1 | S2 | V2 | S3 | V3 | S4 | V4, T | None]: ...
def case(*branches: Any, else_: Any = None) -> Any:
    """The value of the first branch whose condition holds, else `else_`; without it, None.

    SQL: `CASE WHEN a THEN $1 ELSE $2 END`.

    Raises:
        QueryError: for a branch that is no pair of an expression and a value.

    Example:
        `query.select(case((Post.score > 7, "high"), (Post.score > 3, "fair"), else_="low"))`
    """
    if not branches:
        raise QueryError("`case` needs a branch", hint='write `case((Post.score > 3, "high"), else_="low")`')
    pairs = [_pair(branch) for branch in branches]
    given = [*(value for _, value in pairs), else_]
    # PostgreSQL takes bare parameters for text where every branch is one.
    bare = any(isinstance(value, Expr) for value in given)
    parts: list[Expression] = []
    params: tuple[object, ...] = ()
    for condition, value in pairs:
        node, own = _value(value, bare=bare)
        parts += (condition.node, node)
        params += condition.params + own
    default, own = (None, ()) if else_ is None else _value(else_, bare=bare)
    return any_operand(nodes.case(tuple(parts), default), params + own)


def _pair(branch: object) -> tuple[Expr[Any, Any], object]:
    pair = cast("tuple[Any, Any]", branch)
    if not isinstance(branch, tuple) or len(pair) != 2 or not isinstance(pair[0], Expr):
        raise QueryError(
            f"a branch of `case` is a pair of a condition and a value, got {branch!r:.80}",
            hint='write `case((Post.score > 3, "high"), else_="low")`',
        )
    return pair


def _value(value: Any, *, bare: bool) -> tuple[Expression, tuple[object, ...]]:
    if bare or value is None:
        return operand_of(value)
    type_ = field_type(value.__class__)[0] if isinstance(value, Enum) else type_of_value(value)
    return nodes.param(type_), (value,)

"""Conditions put together: `and_(*filters)`, `or_(*filters)`, also over a list that user input made."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Never, TypeAlias, TypeVar, overload

import typing_extensions

from ectype.expr import nodes
from ectype.expr.nodes import Expression
from ectype.expr.operand import Expr, Operand, check_predicate, join_predicates

S = TypeVar("S")
N1 = typing_extensions.TypeVar("N1", default=Never)
N2 = typing_extensions.TypeVar("N2", default=Never)

Predicate: TypeAlias = Expr[S, bool | None]


@overload
def and_(a: Predicate[S], b: Predicate[N1], /) -> Operand[S | N1, bool]: ...
@overload
def and_(a: Predicate[S], b: Predicate[N1], c: Predicate[N2], /) -> Operand[S | N1 | N2, bool]: ...
@overload
def and_(*predicates: Predicate[S]) -> Operand[S, bool]: ...
def and_(*predicates: Predicate[Any]) -> Operand[Any, bool]:
    """Whether all hold; true when there is none."""
    return _fold("AND", predicates, nodes.TRUE)


@overload
def or_(a: Predicate[S], b: Predicate[N1], /) -> Operand[S | N1, bool]: ...
@overload
def or_(a: Predicate[S], b: Predicate[N1], c: Predicate[N2], /) -> Operand[S | N1 | N2, bool]: ...
@overload
def or_(*predicates: Predicate[S]) -> Operand[S, bool]: ...
def or_(*predicates: Predicate[Any]) -> Operand[Any, bool]:
    """Whether any holds; false when there is none."""
    return _fold("OR", predicates, nodes.FALSE)


def _fold(op: str, predicates: Iterable[Expr[Any, Any]], empty: Expression) -> Operand[Any, bool]:
    made: Operand[Any, bool] | None = None
    for predicate in predicates:
        check_predicate(op, predicate)
        made = Operand(predicate.node, predicate.params) if made is None else join_predicates(op, made, predicate)
    return Operand(empty) if made is None else made

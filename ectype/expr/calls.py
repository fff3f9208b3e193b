"""Calls of functions, with what is no expression refused."""

from __future__ import annotations

from typing import Any

from ectype.errors import QueryError
from ectype.expr import nodes
from ectype.expr.operand import Expr


def check_argument(what: str, value: object) -> None:
    """Raise QueryError for an argument that is no expression."""
    if not isinstance(value, Expr):
        raise QueryError(
            f"`{what}` takes a column or an expression, got {value!r:.80}", hint="wrap a constant: `literal('new')`"
        )


def call_of(name: str, expr: Expr[Any, Any], *others: nodes.Expression) -> nodes.Call:
    """Return the call of a function over an expression."""
    check_argument(f"{name.partition(' ')[0]}", expr)
    return nodes.call(name, (expr.node, *others))


def check_text(what: str, value: object) -> None:
    """Raise QueryError for a value that is no text."""
    if not isinstance(value, str):
        raise QueryError(f"`fn.{what}` takes a text, got {value!r:.80}")

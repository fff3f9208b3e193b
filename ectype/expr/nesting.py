"""Queries as expressions: `exists(query)`, `scalar(query)`, and the columns of the query around them."""

from __future__ import annotations

from typing import Any, Never, TypeVar

from ectype.errors import QueryError
from ectype.expr import nodes
from ectype.expr.operand import Expr, Operand, QueryLike, shape_of

T = TypeVar("T")


def exists(query: QueryLike[Any]) -> Operand[Never, bool]:
    """Whether a query has a row. SQL: `EXISTS (SELECT 1 …)`."""
    return Operand(_subquery("exists", query), query.params)


def scalar(query: QueryLike[T]) -> Operand[Never, T | None]:
    """The single value of a query of one column and at most one row, as an expression."""
    return Operand(_subquery("scalar", query), query.params)


def any_(query: QueryLike[T]) -> Expr[Never, T]:
    """The rows of a query of one column, one of which must compare. SQL: `x >= ANY (SELECT …)`.

    It stands on the right of a comparison only. SQLite has no such comparison.

    Example:
        `from_(Post).where(Post.score > any_(from_(Comment).select(Comment.likes)))`
    """
    return Expr(_subquery("any_", query), query.params)


def all_(query: QueryLike[T]) -> Expr[Never, T]:
    """The rows of a query of one column, all of which must compare. SQL: `x >= ALL (SELECT …)`.

    It stands on the right of a comparison only. SQLite has no such comparison.
    """
    return Expr(_subquery("all_", query), query.params)


def outer(column: Expr[Any, T]) -> Operand[Never, T]:
    """Mark a column of the enclosing query, as in `from_(Comment).where(Comment.post_id == …)` inside `exists`.

    Raises:
        QueryError: when it is no column.
    """
    node = getattr(column, "node", None)
    if not isinstance(node, nodes.ColumnRef):
        raise QueryError(f"`outer` takes a column of the enclosing query, got {column!r}")
    return Operand(nodes.outer(node))


def _subquery(kind: str, query: QueryLike[Any]) -> nodes.Subquery:
    shape = shape_of(query)
    if shape is None:
        raise QueryError(f"`{kind}` takes a query, got {query!r:.80}", hint=f"write `{kind}(from_(Comment).where(…))`")
    return nodes.subquery(kind, None, shape, len(query.params))

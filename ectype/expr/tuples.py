"""Rows of values: `tuple_(Post.score, Post.id) > (3, 1)`, compared from left to right."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final, Generic, Never, TypeVar, cast, final, overload

from ectype.errors import QueryError
from ectype.expr import nodes
from ectype.expr.nodes import Expression
from ectype.expr.operand import Expr, Operand, QueryLike, shape_of

S = TypeVar("S")
S1 = TypeVar("S1")
S2 = TypeVar("S2")
S3 = TypeVar("S3")
S4 = TypeVar("S4")
S_co = TypeVar("S_co", covariant=True)
T = TypeVar("T")
T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")
T4 = TypeVar("T4")


@final
class Row(Generic[S_co, T]):
    """Several expressions that are compared as one: see `tuple_`."""

    __slots__ = ("node", "params")
    __hash__ = object.__hash__

    def __init__(self, node: nodes.Items, params: tuple[object, ...]) -> None:
        self.node: Final = node
        self.params: Final = params

    @overload  # type: ignore[override]  # `==` makes an expression
    def __eq__(self, other: Row[S, T]) -> Operand[S_co | S, bool]: ...
    @overload
    def __eq__(self, other: T) -> Operand[S_co, bool]: ...
    def __eq__(self, other: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]  # `==` makes an expression
        return _compare("=", self, other)

    @overload  # type: ignore[override]  # as `==`
    def __ne__(self, other: Row[S, T]) -> Operand[S_co | S, bool]: ...
    @overload
    def __ne__(self, other: T) -> Operand[S_co, bool]: ...
    def __ne__(self, other: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]  # as `==`
        return _compare("<>", self, other)

    @overload
    def __gt__(self, other: Row[S, T]) -> Operand[S_co | S, bool]: ...
    @overload
    def __gt__(self, other: T) -> Operand[S_co, bool]: ...
    def __gt__(self, other: Any) -> Any:
        return _compare(">", self, other)

    @overload
    def __ge__(self, other: Row[S, T]) -> Operand[S_co | S, bool]: ...
    @overload
    def __ge__(self, other: T) -> Operand[S_co, bool]: ...
    def __ge__(self, other: Any) -> Any:
        return _compare(">=", self, other)

    @overload
    def __lt__(self, other: Row[S, T]) -> Operand[S_co | S, bool]: ...
    @overload
    def __lt__(self, other: T) -> Operand[S_co, bool]: ...
    def __lt__(self, other: Any) -> Any:
        return _compare("<", self, other)

    @overload
    def __le__(self, other: Row[S, T]) -> Operand[S_co | S, bool]: ...
    @overload
    def __le__(self, other: T) -> Operand[S_co, bool]: ...
    def __le__(self, other: Any) -> Any:
        return _compare("<=", self, other)

    def __bool__(self) -> Never:
        raise QueryError("a tuple of expressions has no truth value in Python")

    def in_(self, values: Collection[T] | QueryLike[T]) -> Operand[S_co, bool]:
        """Whether the row is one of `values`, or of the rows of a query of as many columns.

        Values are one bound parameter however many they are; an empty list: never. SQL: `(a, b) IN (SELECT c, d …)`.

        Raises:
            QueryError: for what is no list of tuples of this length, or a tuple with None in it.

        Example:
            `query.where(tuple_(Post.author_id, Post.score).in_([(1, 5), (2, 8)]))`
        """
        shape = shape_of(values)
        if shape is not None:
            own = cast("QueryLike[T]", values).params
            return Operand(nodes.subquery("in", self.node, shape, len(own)), self.params + own)
        if isinstance(values, str | bytes) or not isinstance(values, Collection):
            raise QueryError(f"`in_` takes a list of tuples, or a query of as many columns, got {values!r:.80}")
        listed = [_checked(self, "in_", value) for value in values]
        return Operand(nodes.in_values(self.node), (*self.params, listed))

    def __repr__(self) -> str:
        return repr(Expr[Any, Any](self.node, self.params))


@overload
def tuple_(a: Expr[S1, T1], b: Expr[S2, T2], /) -> Row[S1 | S2, tuple[T1, T2]]: ...
@overload
def tuple_(a: Expr[S1, T1], b: Expr[S2, T2], c: Expr[S3, T3], /) -> Row[S1 | S2 | S3, tuple[T1, T2, T3]]: ...
@overload
def tuple_(
    a: Expr[S1, T1], b: Expr[S2, T2], c: Expr[S3, T3], d: Expr[S4, T4], /
) -> Row[S1 | S2 | S3 | S4, tuple[T1, T2, T3, T4]]: ...
def tuple_(*parts: Any) -> Any:
    """Return expressions to be compared as one, the first counts most. SQL: `(a, b) > ($1, $2)`.

    Raises:
        QueryError: for fewer than two, or for what is no expression.

    Example:
        `query.where(tuple_(Post.score, Post.id) > (3, 1)).order_by(Post.score, Post.id)`
    """
    if len(parts) < 2 or not all(isinstance(part, Expr) for part in parts):
        raise QueryError(
            f"`tuple_` takes two or more columns or expressions, got {parts!r:.80}",
            hint="write `tuple_(Post.score, Post.id) > (3, 1)`",
        )
    expressions = cast("tuple[Expr[Any, Any], ...]", parts)
    params: tuple[object, ...] = ()
    for part in expressions:
        params += part.params
    return Row[Any, Any](nodes.items("row", tuple(part.node for part in expressions)), params)


def _compare(op: str, left: Row[Any, Any], right: object) -> Operand[Any, bool]:
    if isinstance(right, Row):
        other = cast("Row[Any, Any]", right)
        if len(other.node.items) != len(left.node.items):
            raise _wrong_length(left, op, other)
        return Operand(nodes.binary(op, left.node, other.node), left.params + other.params)
    values = _checked(left, op, right)
    marks: tuple[Expression, ...] = (nodes.PARAM,) * len(values)
    return Operand(nodes.binary(op, left.node, nodes.items("row", marks)), left.params + values)


def _checked(row: Row[Any, Any], op: str, value: object) -> tuple[object, ...]:
    found = cast("tuple[object, ...]", value) if isinstance(value, tuple) else ()
    if len(found) != len(row.node.items):
        raise _wrong_length(row, op, cast("object", value))
    if any(one is None for one in found):
        raise QueryError(f"`{op}` with None is never true in SQL, got {value!r:.80}", hint="use `.is_null()`")
    return found


def _wrong_length(row: Row[Any, Any], op: str, value: object) -> QueryError:
    count = len(row.node.items)
    return QueryError(f"`{op}` compares {row!r} with tuples of {count} values, got {value!r:.80}")

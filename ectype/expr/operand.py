"""Columns, aggregates and rankings: the expressions that can do more than others.

What every expression can do stands in `ectype.expr.expression`; all of it is imported from here.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final, Generic, Never, TypeVar, cast, final, overload

import typing_extensions

from ectype.errors import QueryError
from ectype.expr import nodes
from ectype.expr.expression import Expr as Expr
from ectype.expr.expression import Operand as Operand
from ectype.expr.expression import Value as Value
from ectype.expr.expression import any_operand as any_operand
from ectype.expr.expression import arithmetic
from ectype.expr.expression import check_predicate as check_predicate
from ectype.expr.expression import join_predicates as join_predicates
from ectype.expr.expression import operand_of as operand_of
from ectype.expr.expression import operands_of as operands_of
from ectype.expr.names import named_inside, output_name
from ectype.expr.nodes import Expression, Ordering
from ectype.expr.terms import Assignment as Assignment
from ectype.expr.terms import Exactly as Exactly
from ectype.expr.terms import Maybe as Maybe
from ectype.expr.terms import Order as Order
from ectype.expr.terms import QueryLike as QueryLike
from ectype.expr.terms import shape_of as shape_of
from ectype.expr.windows import Window

S = TypeVar("S")
S2 = TypeVar("S2")
S_co = TypeVar("S_co", covariant=True)
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
E = TypeVar("E")
Num = TypeVar("Num", int, float, Decimal)
N1 = typing_extensions.TypeVar("N1", default=Never)
N2 = typing_extensions.TypeVar("N2", default=Never)
N3 = typing_extensions.TypeVar("N3", default=Never)
N4 = typing_extensions.TypeVar("N4", default=Never)


class Attr(Expr[S_co, T_co]):
    """A column as changesets take it: covariant in its type, so that validators can bound it."""

    __slots__ = ("name",)

    name: str

    def __column_of__(self) -> Exactly[S_co]:
        """The schema of the column, exactly. Only checkers call it."""
        raise QueryError("`__column_of__` exists for type checkers only")


class Column(Operand[S_co, T], Attr[S_co, T]):
    """A column of a schema or of an alias: `User.age`. It can be set in `update_all`."""

    __slots__ = ()

    def __init__(self, node: nodes.ColumnRef) -> None:
        super().__init__(node)
        self.name = node.name

    @property
    def reference(self) -> nodes.ColumnRef:
        """The column's own node."""
        return cast("nodes.ColumnRef", self.node)

    @overload
    def set(self, value: Expr[S2, T]) -> Assignment[S_co | S2, S_co]: ...
    @overload
    def set(self, value: T) -> Assignment[S_co, S_co]: ...
    def set(self, value: Any) -> Any:
        """Make this column become a value or an expression, in `update_all`, `do_update` and `select_merge`."""
        if isinstance(value, Expr):
            expression = cast("Expr[Any, Any]", value)
            return _any_assignment(self.reference, expression.node, expression.params)
        if value is None:
            return _any_assignment(self.reference, nodes.NULL, ())
        return _any_assignment(self.reference, nodes.PARAM, (value,))

    @overload
    def inc(self: Column[S, Num], by: Num) -> Assignment[S, S]: ...
    @overload
    def inc(self: Column[S, Num | None], by: Num) -> Assignment[S, S]: ...
    def inc(self, by: Any) -> Any:
        """Make this column grow by a number. SQL: `x = x + $1`."""
        grown = arithmetic("+", self, by)
        return _any_assignment(self.reference, grown.node, grown.params)

    def push(self: Column[S, list[E]], element: E) -> Assignment[S, S]:
        """Make this list grow by an element at its end. SQL: `x = array_append(x, $1)`.

        Example:
            `await repo.update_all(query, Post.tags.push("new"))`
        """
        node = nodes.call("list_push", (self.node, nodes.PARAM))
        return Assignment(self.reference, node, (element,))

    def pull(self: Column[S, list[E]], element: E) -> Assignment[S, S]:
        """Take an element out of this list, wherever it stands. SQL: `x = array_remove(x, $1)`."""
        node = nodes.call("list_pull", (self.node, nodes.PARAM))
        return Assignment(self.reference, node, (element,))

    def __repr__(self) -> str:
        return f"{self.reference.source.label}.{self.name}"


_any_assignment: Any = Assignment  # as `any_operand`


class Agg(Operand[S_co, T]):
    """An aggregate: it may be selected over an outer side as it is, filtered, and put over a window."""

    __slots__ = ()

    def __reduced__(self) -> tuple[S_co, T]:
        """What a select takes of an aggregate. Only checkers call it."""
        raise QueryError("`__reduced__` exists for type checkers only")

    def as_(self, name: str) -> Agg[S_co, T]:
        """Give the value a name in the result: see `Expr.as_`."""
        return Agg(nodes.named(self.node, output_name(name)), self.params)

    def filter(self, predicate: Expr[S2, bool | None]) -> Agg[S_co | S2, T]:
        """Count only the rows where `predicate` holds. SQL: `f(x) FILTER (WHERE …)`."""
        node = self.node
        if isinstance(node, nodes.Named):
            raise named_inside("filter", node)
        if not isinstance(node, nodes.Call) or node.filter is not None:
            raise QueryError(f"`filter` comes once, directly after an aggregate, got {self!r}")
        if not isinstance(predicate, Expr):  # pyright: ignore[reportUnnecessaryIsInstance]  # users pass what they like
            raise QueryError(f"`filter` takes an expression, got {predicate!r:.80}")
        filtered = nodes.call(
            node.name, node.args, distinct=node.distinct, filter_=predicate.node, order_by=node.order_by
        )
        return Agg(filtered, self.params + predicate.params)

    def over(self, window: Window[S, S2]) -> Operand[S_co | S | S2, T]:
        """Compute it over a window instead of a group. SQL: `f(x) OVER (…)`."""
        return _over(self, window)


any_agg: Any = Agg  # as `any_operand`


@final
class Ranking(Generic[S_co, T]):
    """A function that exists only over a window, as `fn.row_number()`: call `.over(window(...))`."""

    __slots__ = ("node", "params")

    def __init__(self, node: Expression, params: tuple[object, ...] = ()) -> None:
        self.node: Final = node
        self.params: Final = params

    def over(self, window: Window[S, S2]) -> Operand[S_co | S | S2, T]:
        """Compute it over a window. SQL: `row_number() OVER (…)`."""
        return _over(self, window)


def _over(function: Agg[Any, T] | Ranking[Any, T], window: Window[Any, Any]) -> Operand[Any, T]:
    if isinstance(function.node, nodes.Named):
        raise named_inside("over", function.node)
    node = nodes.over(function.node, window.partition_by, window.order_by, window.frame, window.name)
    return Operand(node, function.params + window.params)


def order_term(key: Expr[Any, Any] | Order[Any]) -> tuple[Ordering, tuple[object, ...]]:
    """Return an ORDER BY term and its parameters; a bare expression is ascending."""
    if key.__class__ is Column:
        node = cast("Expression", key.node)
        return node.kids.get("ascending") or nodes.ordering(node), ()
    if isinstance(key, Order):
        return key.node, key.params
    if isinstance(key, Expr):  # pyright: ignore[reportUnnecessaryIsInstance]  # users pass what they like
        return nodes.ordering(key.node), key.params
    raise QueryError(
        f"cannot order by {key!r:.80}", hint="pass columns or expressions: `order_by(Post.title, Post.id.desc())`"
    )

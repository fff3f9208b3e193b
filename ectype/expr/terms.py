"""The terms of clauses, and what expressions take of a query."""

from __future__ import annotations

from typing import Final, Generic, Protocol, TypeVar, final, get_args

import typing_extensions

from ectype.errors import QueryError
from ectype.expr import nodes
from ectype.expr.nodes import Expression, Ordering

S = TypeVar("S")
S_co = TypeVar("S_co", covariant=True)
T_co = TypeVar("T_co", covariant=True)
Set_co = typing_extensions.TypeVar("Set_co", covariant=True, default=S_co)


class Maybe(Generic[S_co]):
    """The brand of the nullable side of an outer join; only checkers ever see it."""


class QueryLike(Protocol[T_co]):
    """What `in_`, `exists` and `scalar` take of a query: its shape and its parameters."""

    @property
    def node(self) -> nodes.Node:
        """The query's shape."""
        ...

    @property
    def params(self) -> tuple[object, ...]:
        """The values of its parameters, in the order in which it was built."""
        ...

    def __row__(self) -> T_co:
        """The type of a row, for checkers."""
        ...


@final
class Order(Generic[S_co]):
    """One ORDER BY term, as `Post.title.desc(nulls="last")` makes it."""

    __slots__ = ("node", "params")

    def __init__(self, node: Ordering, params: tuple[object, ...]) -> None:
        self.node: Final = node
        self.params: Final = params


class Exactly(Generic[S]):
    """What pins the schema of columns where a union of two would be inferred; only checkers see it."""


@final
class Assignment(Generic[S_co, Set_co]):
    """One SET term: a column and what it becomes, as `Post.views.inc(1)` makes it.

    `S_co` is what it mentions, `Set_co` the schema whose column is set.
    """

    __slots__ = ("column", "node", "params")

    def __init__(self, column: nodes.ColumnRef, node: Expression, params: tuple[object, ...]) -> None:
        self.column: Final = column
        self.node: Final = node
        self.params: Final = params

    def __repr__(self) -> str:
        return f"<{self.column.source.label}.{self.column.name}.set(…)>"


_EXPRESSIONS: Final = get_args(Expression)


def shape_of(query: object) -> nodes.Node | None:
    """Return the shape of a query, None for anything else; expressions have a node too, which is none."""
    # An alias has what its schema has, and thinks about names that it does not know: 20 µs, to say what was meant.
    if not hasattr(query.__class__, "node"):
        return None
    node = getattr(query, "node", None)
    return node if isinstance(node, nodes.Node) and not isinstance(node, _EXPRESSIONS) else None


def nulls_place(place: str | None) -> str | None:
    """Return where NULL goes in an order. Raises QueryError for anything but `first`, `last` and None."""
    # The word is written into the text, so nothing else may pass.
    if place not in (None, "first", "last"):
        raise QueryError(f"`nulls` is 'first' or 'last', got {place!r:.80}")
    return place

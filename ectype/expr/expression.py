"""Expressions as people write them: a node, the values of its parameters, and the operators that make more.

`S_co` is the union of the sources an expression mentions, `T` the type of its value: a type checker refuses a column
of a table that is not in scope, and a comparison with a value of another type. Constants mention no source
(`Never`), so they fit everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from types import NoneType
from typing import Any, Generic, Literal, Never, TypeAlias, TypeVar, cast, final, overload

import typing_extensions

from ectype.errors import QueryError
from ectype.expr import nodes
from ectype.expr.describe import alone
from ectype.expr.names import output_name
from ectype.expr.nodes import Expression
from ectype.expr.places import SCALARS, end_beside, number_beside, stepped
from ectype.expr.terms import Order, QueryLike, nulls_place, shape_of
from ectype.expr.walk import holds_list
from ectype.types.ranges import Range
from ectype.types.resolve import field_type
from ectype.types.scalars import STRING
from ectype.types.values import type_of_value

S = TypeVar("S")
S2 = TypeVar("S2")
S_co = TypeVar("S_co", covariant=True)
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
W = TypeVar("W", Decimal, float, Decimal | None, float | None)
V = TypeVar("V", Decimal, float)
D2 = typing_extensions.TypeVar("D2", default=Never)
E = TypeVar("E")
R = TypeVar("R", int, Decimal, datetime, date)
Value: TypeAlias = str | int | float | Decimal | bytes | datetime | None


def interned(op: str) -> Callable[[Callable[[Any, Any], Any]], Callable[[Any, Any], Any]]:
    """Make a comparison look for its shape where it grew before; the method below it is called for all else."""

    def decorate(build: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        def compared(self: Any, other: Any) -> Any:
            if type(other) in SCALARS:
                try:
                    node = self.node.kids[op]
                except KeyError:
                    return build(self, other)
                made = unfilled()
                made.node = node
                params = self.params
                made.params = (*params, other) if params else (other,)
                return made
            return build(self, other)

        return compared

    return decorate


class Expr(Generic[S_co, T_co]):
    """An SQL expression over the sources `S_co` with a value of type `T_co`.

    `node` is its interned shape, `params` the values of its parameters from left to right. It is never changed.
    """

    __slots__ = ("node", "params")

    node: Expression
    params: tuple[object, ...]

    def __init__(self, node: Expression, params: tuple[object, ...] = ()) -> None:
        self.node = node
        self.params = params

    def __bool__(self) -> Never:
        raise QueryError(
            f"an expression has no truth value in Python: {self!r}",
            hint="combine conditions with `&`, `|` and `~`, and put each comparison in parentheses:\n\n"
            "    (Post.score > 3) & (Post.score < 9)      # not `and`, not 3 < Post.score < 9",
        )

    def __contains__(self, value: object) -> Never:
        raise QueryError(
            f"`in` asks Python, which cannot look into the database: {self!r}",
            hint="write `Post.id.in_([1, 2])` for one of several values, and `Post.tags.has('x')` for an element of a "
            "list",
        )

    def __iter__(self) -> Never:
        raise QueryError(f"an expression cannot be iterated over, it has no value in Python: {self!r}")

    def __and__(self, other: Expr[S2, bool | None]) -> Operand[S_co | S2, bool]:
        return join_predicates("AND", self, other)

    def __or__(self, other: Expr[S2, bool | None]) -> Operand[S_co | S2, bool]:
        return join_predicates("OR", self, other)

    def __invert__(self) -> Operand[S_co, bool]:
        return Operand(nodes.unary("NOT", self.node), self.params)

    def is_null(self) -> Operand[S_co, bool]:
        """Whether the value is NULL. SQL: `x IS NULL`."""
        return Operand(nodes.unary("IS NULL", self.node), self.params)

    def is_not_null(self) -> Operand[S_co, bool]:
        """Whether the value is not NULL. SQL: `x IS NOT NULL`."""
        return Operand(nodes.unary("IS NOT NULL", self.node), self.params)

    def asc(self, *, nulls: Literal["first", "last"] | None = None) -> Order[S_co]:
        """Order by this, smallest first; `nulls` says where NULL goes, None leaves it to the database."""
        return Order(nodes.ordering(self.node, nulls_place(nulls)), self.params)

    def desc(self, *, nulls: Literal["first", "last"] | None = None) -> Order[S_co]:
        """Order by this, largest first; `nulls` says where NULL goes, None leaves it to the database."""
        return Order(nodes.ordering(self.node, nulls_place(nulls), descending=True), self.params)

    def like(self: Expr[S, str | None], pattern: str) -> Operand[S, bool]:
        """Whether the text matches a pattern with `%` and `_`; escape user input with `escape_like`.

        SQLite takes upper and lower case of ASCII letters for the same here, PostgreSQL does not.
        """
        return compare("LIKE", self, pattern)

    def ilike(self: Expr[S, str | None], pattern: str) -> Operand[S, bool]:
        """The same without regard to case: ILIKE on PostgreSQL, `lower(x) LIKE lower(…)` elsewhere."""
        return compare("ILIKE", self, pattern)

    def as_type(self, type_: type[T]) -> Operand[S_co, T]:
        """Change the type of the value, in the database and when it is loaded. SQL: `CAST(x AS bigint)`.

        Raises:
            SchemaError: nothing stores such a type.

        Example:
            `query.select(Post.code.as_type(int))`
        """
        return Operand(nodes.cast(self.node, field_type(type_)[0]), self.params)

    def as_(self, name: str) -> Expr[S_co, T_co]:
        """Give the value a name in the result, which `order_by` and `group_by` of the same query then say for it.

        Use the expression that this returns again in `group_by`, `having` and `order_by`; its values are sent once.
        SQL: `SELECT count(*) AS "n" … ORDER BY "n"`.

        Raises:
            QueryError: for a name that is none.

        Example:
            count = fn.count(Comment.id).as_("n")
            query.select(Post.title, count).order_by(count.desc())
        """
        return Expr(nodes.named(self.node, output_name(name)), self.params)

    def __pick__(self) -> tuple[S_co, T_co]:
        """What a select takes: the sources and the value's type. Only checkers call it."""
        raise QueryError("`__pick__` exists for type checkers only")

    def __repr__(self) -> str:
        return alone(self.node, iter(self.params))


class Operand(Expr[S_co, T]):
    """An expression with the operators of its type."""

    __slots__ = ()
    __hash__ = object.__hash__

    @overload  # type: ignore[override]  # `==` makes an expression
    def __eq__(self, other: None) -> bool: ...
    @overload
    def __eq__(self, other: Expr[S2, T | None]) -> Operand[S_co | S2, bool]: ...
    @overload
    def __eq__(self, other: T) -> Operand[S_co, bool]: ...
    @interned("=")
    def __eq__(self, other: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]  # `==` makes an expression
        return compare("=", self, other)

    @overload  # type: ignore[override]  # as `==`
    def __ne__(self, other: None) -> bool: ...
    @overload
    def __ne__(self, other: Expr[S2, T | None]) -> Operand[S_co | S2, bool]: ...
    @overload
    def __ne__(self, other: T) -> Operand[S_co, bool]: ...
    @interned("<>")
    def __ne__(self, other: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]  # as `==`
        return compare("<>", self, other)

    @overload
    def __gt__(self, other: None) -> bool: ...
    @overload
    def __gt__(self, other: Expr[S2, T | None]) -> Operand[S_co | S2, bool]: ...
    @overload
    def __gt__(self, other: T) -> Operand[S_co, bool]: ...
    @interned(">")
    def __gt__(self, other: Any) -> Any:
        return compare(">", self, other)

    @overload
    def __ge__(self, other: None) -> bool: ...
    @overload
    def __ge__(self, other: Expr[S2, T | None]) -> Operand[S_co | S2, bool]: ...
    @overload
    def __ge__(self, other: T) -> Operand[S_co, bool]: ...
    @interned(">=")
    def __ge__(self, other: Any) -> Any:
        return compare(">=", self, other)

    @overload
    def __lt__(self, other: None) -> bool: ...
    @overload
    def __lt__(self, other: Expr[S2, T | None]) -> Operand[S_co | S2, bool]: ...
    @overload
    def __lt__(self, other: T) -> Operand[S_co, bool]: ...
    @interned("<")
    def __lt__(self, other: Any) -> Any:
        return compare("<", self, other)

    @overload
    def __le__(self, other: None) -> bool: ...
    @overload
    def __le__(self, other: Expr[S2, T | None]) -> Operand[S_co | S2, bool]: ...
    @overload
    def __le__(self, other: T) -> Operand[S_co, bool]: ...
    @interned("<=")
    def __le__(self, other: Any) -> Any:
        return compare("<=", self, other)

    @overload
    def __add__(self: Expr[S, datetime], other: Expr[D2, timedelta] | timedelta) -> Operand[S | D2, datetime]: ...  # pyright: ignore[reportOverlappingOverload]  # the narrow one first
    @overload
    def __add__(
        self: Expr[S, datetime | None], other: Expr[D2, timedelta] | timedelta
    ) -> Operand[S | D2, datetime | None]: ...
    @overload
    def __add__(self, other: Expr[S2, T]) -> Operand[S_co | S2, T]: ...
    @overload
    def __add__(self, other: T) -> Operand[S_co, T]: ...
    @overload
    def __add__(self: Expr[S, Decimal], other: Expr[D2, int] | int) -> Operand[S | D2, Decimal]: ...  # pyright: ignore[reportOverlappingOverload]  # the narrow one first
    @overload
    def __add__(self: Expr[S, Decimal | None], other: Expr[D2, int] | int) -> Operand[S | D2, Decimal | None]: ...
    @overload
    def __add__(self: Expr[S, int], other: Expr[S2, W]) -> Operand[S | S2, W]: ...
    @overload
    def __add__(self: Expr[S, int], other: V) -> Operand[S, V]: ...
    def __add__(self, other: Any) -> Any:
        return arithmetic("+", self, other)

    @overload
    def __sub__(self: Expr[S, datetime], other: Expr[D2, timedelta] | timedelta) -> Operand[S | D2, datetime]: ...  # pyright: ignore[reportOverlappingOverload]  # the narrow one first
    @overload
    def __sub__(
        self: Expr[S, datetime | None], other: Expr[D2, timedelta] | timedelta
    ) -> Operand[S | D2, datetime | None]: ...
    @overload
    def __sub__(self: Expr[S, datetime], other: Expr[D2, datetime] | datetime) -> Operand[S | D2, timedelta]: ...  # pyright: ignore[reportOverlappingOverload]  # the narrow one first
    @overload
    def __sub__(
        self: Expr[S, datetime | None], other: Expr[D2, datetime] | datetime
    ) -> Operand[S | D2, timedelta | None]: ...
    @overload
    def __sub__(self, other: Expr[S2, T]) -> Operand[S_co | S2, T]: ...
    @overload
    def __sub__(self, other: T) -> Operand[S_co, T]: ...
    @overload
    def __sub__(self: Expr[S, Decimal], other: Expr[D2, int] | int) -> Operand[S | D2, Decimal]: ...  # pyright: ignore[reportOverlappingOverload]  # the narrow one first
    @overload
    def __sub__(self: Expr[S, Decimal | None], other: Expr[D2, int] | int) -> Operand[S | D2, Decimal | None]: ...
    @overload
    def __sub__(self: Expr[S, int], other: Expr[S2, W]) -> Operand[S | S2, W]: ...
    @overload
    def __sub__(self: Expr[S, int], other: V) -> Operand[S, V]: ...
    def __sub__(self, other: Any) -> Any:
        return arithmetic("-", self, other)

    @overload
    def __mul__(self, other: Expr[S2, T]) -> Operand[S_co | S2, T]: ...
    @overload
    def __mul__(self, other: T) -> Operand[S_co, T]: ...
    @overload
    def __mul__(self: Expr[S, Decimal], other: Expr[D2, int] | int) -> Operand[S | D2, Decimal]: ...  # pyright: ignore[reportOverlappingOverload]  # the narrow one first
    @overload
    def __mul__(self: Expr[S, Decimal | None], other: Expr[D2, int] | int) -> Operand[S | D2, Decimal | None]: ...
    @overload
    def __mul__(self: Expr[S, int], other: Expr[S2, W]) -> Operand[S | S2, W]: ...
    @overload
    def __mul__(self: Expr[S, int], other: V) -> Operand[S, V]: ...
    def __mul__(self, other: Any) -> Any:
        return arithmetic("*", self, other)

    @overload
    def __truediv__(self, other: Expr[S2, T]) -> Operand[S_co | S2, T]: ...
    @overload
    def __truediv__(self, other: T) -> Operand[S_co, T]: ...
    @overload
    def __truediv__(self: Expr[S, Decimal], other: Expr[D2, int] | int) -> Operand[S | D2, Decimal]: ...  # pyright: ignore[reportOverlappingOverload]  # the narrow one first
    @overload
    def __truediv__(self: Expr[S, Decimal | None], other: Expr[D2, int] | int) -> Operand[S | D2, Decimal | None]: ...
    @overload
    def __truediv__(self: Expr[S, int], other: Expr[S2, W]) -> Operand[S | S2, W]: ...
    @overload
    def __truediv__(self: Expr[S, int], other: V) -> Operand[S, V]: ...
    def __truediv__(self, other: Any) -> Any:
        return arithmetic("/", self, other)

    @overload
    def __mod__(self, other: Expr[S2, T]) -> Operand[S_co | S2, T]: ...
    @overload
    def __mod__(self, other: T) -> Operand[S_co, T]: ...
    @overload
    def __mod__(self: Expr[S, Decimal], other: Expr[D2, int] | int) -> Operand[S | D2, Decimal]: ...  # pyright: ignore[reportOverlappingOverload]  # the narrow one first
    @overload
    def __mod__(self: Expr[S, Decimal | None], other: Expr[D2, int] | int) -> Operand[S | D2, Decimal | None]: ...
    @overload
    def __mod__(self: Expr[S, int], other: Expr[S2, W]) -> Operand[S | S2, W]: ...
    @overload
    def __mod__(self: Expr[S, int], other: V) -> Operand[S, V]: ...
    def __mod__(self, other: Any) -> Any:
        return arithmetic("%", self, other)

    @overload
    def __radd__(self: Expr[S, datetime], other: timedelta) -> Operand[S, datetime]: ...  # pyright: ignore[reportOverlappingOverload]  # the narrow one first
    @overload
    def __radd__(self: Expr[S, datetime | None], other: timedelta) -> Operand[S, datetime | None]: ...
    @overload
    def __radd__(self, other: T) -> Operand[S_co, T]: ...
    @overload
    def __radd__(self: Expr[S, Decimal], other: int) -> Operand[S, Decimal]: ...  # pyright: ignore[reportOverlappingOverload]  # the narrow one first
    @overload
    def __radd__(self: Expr[S, Decimal | None], other: int) -> Operand[S, Decimal | None]: ...
    @overload
    def __radd__(self: Expr[S, int], other: V) -> Operand[S, V]: ...
    def __radd__(self, other: Any) -> Any:
        return reflected("+", other, self)

    @overload
    def __rsub__(self: Expr[S, datetime], other: datetime) -> Operand[S, timedelta]: ...  # pyright: ignore[reportOverlappingOverload]  # the narrow one first
    @overload
    def __rsub__(self: Expr[S, datetime | None], other: datetime) -> Operand[S, timedelta | None]: ...
    @overload
    def __rsub__(self, other: T) -> Operand[S_co, T]: ...
    @overload
    def __rsub__(self: Expr[S, Decimal], other: int) -> Operand[S, Decimal]: ...  # pyright: ignore[reportOverlappingOverload]  # the narrow one first
    @overload
    def __rsub__(self: Expr[S, Decimal | None], other: int) -> Operand[S, Decimal | None]: ...
    @overload
    def __rsub__(self: Expr[S, int], other: V) -> Operand[S, V]: ...
    def __rsub__(self, other: Any) -> Any:
        return reflected("-", other, self)

    @overload
    def __rmul__(self, other: T) -> Operand[S_co, T]: ...
    @overload
    def __rmul__(self: Expr[S, Decimal], other: int) -> Operand[S, Decimal]: ...  # pyright: ignore[reportOverlappingOverload]  # the narrow one first
    @overload
    def __rmul__(self: Expr[S, Decimal | None], other: int) -> Operand[S, Decimal | None]: ...
    @overload
    def __rmul__(self: Expr[S, int], other: V) -> Operand[S, V]: ...
    def __rmul__(self, other: Any) -> Any:
        return reflected("*", other, self)

    @overload
    def __rtruediv__(self, other: T) -> Operand[S_co, T]: ...
    @overload
    def __rtruediv__(self: Expr[S, Decimal], other: int) -> Operand[S, Decimal]: ...  # pyright: ignore[reportOverlappingOverload]  # the narrow one first
    @overload
    def __rtruediv__(self: Expr[S, Decimal | None], other: int) -> Operand[S, Decimal | None]: ...
    @overload
    def __rtruediv__(self: Expr[S, int], other: V) -> Operand[S, V]: ...
    def __rtruediv__(self, other: Any) -> Any:
        return reflected("/", other, self)

    @overload
    def __rmod__(self, other: T) -> Operand[S_co, T]: ...
    @overload
    def __rmod__(self: Expr[S, Decimal], other: int) -> Operand[S, Decimal]: ...  # pyright: ignore[reportOverlappingOverload]  # the narrow one first
    @overload
    def __rmod__(self: Expr[S, Decimal | None], other: int) -> Operand[S, Decimal | None]: ...
    @overload
    def __rmod__(self: Expr[S, int], other: V) -> Operand[S, V]: ...
    def __rmod__(self, other: Any) -> Any:
        return reflected("%", other, self)

    def __neg__(self) -> Operand[S_co, T]:
        return Operand(nodes.unary("-", self.node), self.params)

    def as_(self, name: str) -> Operand[S_co, T]:
        """Give the value a name in the result: see `Expr.as_`."""
        return Operand(nodes.named(self.node, output_name(name)), self.params)

    @overload
    def in_(self, values: Collection[T] | QueryLike[T] | QueryLike[T | None]) -> Operand[S_co, bool]: ...
    @overload
    def in_(self, values: Collection[T | Expr[S2, T]]) -> Operand[S_co | S2, bool]: ...
    @overload
    def in_(self, values: Expr[S2, list[T] | None]) -> Operand[S_co | S2, bool]: ...
    def in_(self, values: Any) -> Any:
        """Whether the value is one of `values`, of the rows of a query of one column, or of a column of lists.

        An empty list: never. A list of values is one bound parameter, however long it is; one with expressions in it
        is written out. SQL: `x = ANY($1)`, `x IN (y, $1)`, `x IN (SELECT …)`.
        """
        shape = shape_of(values)
        if shape is not None:
            return any_operand(nodes.subquery("in", self.node, shape, len(values.params)), self.params + values.params)
        if isinstance(values, Expr) and holds_list(cast("Expr[Any, Any]", values).node):
            return compare("HAS", cast("Expr[Any, Any]", values), self)
        if isinstance(values, str | bytes | bytearray) or not isinstance(values, Collection):
            raise QueryError(
                f"`in_` takes a list of values or a query of one column, got {values!r:.80}",
                hint="write `Post.id.in_([1, 2, 3])`, or `Post.id.in_(from_(Comment).select(Comment.post_id))`",
            )
        listed = list(cast("Collection[object]", values))
        kinds = set(map(type, listed))  # a long list has one, mostly
        if NoneType in kinds:
            raise QueryError("`in_` found None in the list", hint="write `x.in_(values) | x.is_null()` for NULL")
        if any(issubclass(kind, Expr) for kind in kinds):
            parts, params = operands_of(listed)
            return any_operand(nodes.binary("IN", self.node, nodes.items("list", parts)), self.params + params)
        return any_operand(nodes.in_values(self.node), (*self.params, listed))

    @overload
    def between(self, low: T, high: T) -> Operand[S_co, bool]: ...
    @overload
    def between(self, low: T | Expr[S2, T], high: T | Expr[S2, T]) -> Operand[S_co | S2, bool]: ...
    def between(self, low: Any, high: Any) -> Any:
        """Whether `low <= x <= high`. SQL: `x >= $1 AND x <= $2`."""
        return join_predicates("AND", compare(">=", self, low), compare("<=", self, high))

    # --- JSON documents and lists

    def __getitem__(self: Expr[S, dict[str, Any] | list[Any] | None], key: str | int) -> Document[S]:
        """The value under a key or an index of a JSON document: see `path`."""
        return Document(*stepped(self.node, self.params, (key,)))

    def path(self: Expr[S, dict[str, Any] | list[Any] | None], *keys: str | int) -> Document[S]:
        """The value that keys and indexes lead to in a JSON document; missing and JSON's null are None.

        Keys are always bound parameters. A text is a key of an object, a number an index of an array (the last one is
        -1). SQL: `meta -> $1 -> $2`; `json_extract(meta, '$' || ?1 || ?2)` on SQLite.

        Raises:
            QueryError: for what holds no document, or a key that is neither text nor a whole number.

        Example:
            `query.where(Post.meta["stats"]["views"] == 10)`
        """
        return Document(*stepped(self.node, self.params, keys))

    def has_key(self: Expr[S, dict[str, Any] | None], key: str) -> Operand[S, bool]:
        """Whether a JSON object has a key, be its value null. SQL: `meta -> $1 IS NOT NULL`."""
        step, params = stepped(self.node, self.params, (key,))
        return Operand(nodes.binary("HAS KEY", step.left, step.right), params)

    @overload
    def contains(self: Listed[S, E], other: list[E] | Expr[D2, list[E]]) -> Operand[S | D2, bool]: ...
    @overload
    def contains(self: Expr[S, dict[str, Any] | None], other: dict[str, Any]) -> Operand[S, bool]: ...
    @overload
    def contains(self: Ranged[S, R], other: R | Range[R] | Inside[D2, R]) -> Operand[S | D2, bool]: ...
    def contains(self, other: Any) -> Any:
        """Whether a list or range holds all of another, a range a value, or a JSON document a part. SQL: `x @> $1`.

        On SQLite lists are compared through `json_each`; ranges, and parts of documents, are refused there.
        """
        place = end_beside(self.node, other)
        if place is not None:
            return any_operand(nodes.binary("@>", self.node, place), (*self.params, other))
        return compare("@>", self, other)

    @overload
    def contained_by(self: Listed[S, E], other: list[E] | Expr[D2, list[E]]) -> Operand[S | D2, bool]: ...
    @overload
    def contained_by(self: Inside[S, R], other: Range[R] | Ranged[D2, R]) -> Operand[S | D2, bool]: ...
    def contained_by(self, other: Any) -> Any:
        """Whether a list, a range or a value lies in another list or range as a whole. SQL: `x <@ $1`."""
        return compare("<@", self, other)

    @overload
    def overlaps(self: Listed[S, E], other: list[E] | Expr[D2, list[E]]) -> Operand[S | D2, bool]: ...
    @overload
    def overlaps(self: Ranged[S, R], other: Range[R] | Ranged[D2, R]) -> Operand[S | D2, bool]: ...
    def overlaps(self, other: Any) -> Any:
        """Whether two lists have an element in common, or two ranges a value. SQL: `x && $1`."""
        return compare("&&", self, other)

    @overload
    def has(self: Expr[S, list[E] | None], element: Expr[S2, E]) -> Operand[S | S2, bool]: ...
    @overload
    def has(self: Expr[S, list[E] | None], element: E) -> Operand[S, bool]: ...
    def has(self, element: Any) -> Any:
        """Whether a value is an element of a list. SQL: `$1 = ANY(x)`; `?1 IN (SELECT value FROM json_each(x))`."""
        return compare("HAS", self, element)


Ranged: TypeAlias = Expr[S, Range[R] | None]
Inside: TypeAlias = Expr[S, R | Range[R] | None]
Listed: TypeAlias = Expr[S, list[E] | None]


@final
class Found(Operand[S_co, T]):
    """An operand that is filled by hand: it is made without a call of a constructor, at half the cost."""

    __slots__ = ()
    __hash__ = object.__hash__
    __init__ = object.__init__  # type: ignore[assignment]


unfilled: Any = Found
any_operand: Any = Operand  # a call of its subscript takes seven times as long


@final
class Document(Operand[S_co, Any]):
    """What a path into a JSON document leads to: it is compared as JSON, and extracted by `as_type` or `as_text`."""

    __slots__ = ()
    __hash__ = object.__hash__

    def __eq__(self, other: Any) -> Any:
        return _compare_document("=", self, other)

    def __ne__(self, other: Any) -> Any:
        return _compare_document("<>", self, other)

    def _refuse_order(self, other: Any) -> Never:
        raise QueryError(
            f"the databases order documents differently: {self!r} beside {other!r:.80}",
            hint="say as which type it is read: `Post.meta['views'].as_type(int) > 5`",
        )

    __gt__ = __ge__ = __lt__ = __le__ = _refuse_order  # type: ignore[assignment]

    def in_(self, values: object) -> Never:  # noqa: ARG002  # that of its base
        """Refuse: say first as which type the value is read."""
        raise QueryError(
            f"`in_` over JSON needs a type: {self!r}", hint="extract it: `Post.meta['lang'].as_text().in_([…])`"
        )

    def as_text(self) -> Operand[S_co, str | None]:
        """The text of a JSON string; NULL where the document holds something else there."""
        return Operand(nodes.cast(self.node, STRING), self.params)

    def as_type(self, type_: type[T]) -> Operand[S_co, T | None]:  # type: ignore[override]  # NULL for another type
        """The value as an int, float, bool or str; NULL where the document holds something else there.

        Only whole numbers of 64 bits are an int. PostgreSQL also reads Decimal.

        Example:
            `query.where(Post.meta["stats"]["views"].as_type(int) > 5)`
        """
        return Operand(nodes.cast(self.node, field_type(type_)[0]), self.params)


def _compare_document(op: str, left: Document[Any], right: object) -> Operand[Any, bool]:
    if isinstance(right, Expr) or right is None:
        return compare(op, left, cast("Expr[Any, Any] | None", right))
    # The class of the value is part of the shape: a database without JSON of its own asks for the type first.
    node = nodes.binary(op, left.node, nodes.param(type_of_value(right)))
    return Operand(node, (*left.params, right))


def compare(op: str, left: Expr[Any, Any], right: object) -> Operand[Any, bool]:
    """Return `left op right`; a value becomes a parameter, an expression a part of the shape."""
    made = unfilled()
    params = left.params
    if not isinstance(right, Expr):
        if right is None:
            raise QueryError(
                f"`{op}` with None is never true in SQL: {left!r}",
                hint="use `.is_null()` or `.is_not_null()`",
            )
        made.node = nodes.compare(op, left.node)
        made.params = (*params, right) if params else (right,)
        return made
    other = cast("Expr[Any, Any]", right)
    made.node = nodes.binary(op, left.node, other.node)
    made.params = params + other.params
    return made


def join_predicates(op: str, left: Expr[Any, Any], right: Expr[Any, Any]) -> Operand[Any, bool]:
    """Return `left AND right`, or OR. Raises QueryError for what is no expression."""
    check_predicate(op, right)
    made = unfilled()
    made.node = nodes.connected(op, left.node, right.node)
    made.params = left.params + right.params
    return made


def check_predicate(op: str, value: object) -> None:
    """Raise QueryError, with the parentheses that are often missing, for what is no expression."""
    if not isinstance(value, Expr):
        raise QueryError(
            f"`{'&' if op == 'AND' else '|'}` takes expressions, got {value!r:.80}",
            hint="put each comparison in parentheses: `(Post.score > 3) & (Post.title == 'x')`",
        )


def arithmetic(op: str, left: Expr[Any, Any], right: object) -> Operand[Any, Any]:
    """Return `left op right`. Raises QueryError for None."""
    if right is None:
        raise QueryError(f"`{op}` with None is always NULL in SQL: {left!r}")
    if isinstance(right, Expr):
        other = cast("Expr[Any, Any]", right)
        return Operand(nodes.binary(op, left.node, other.node), left.params + other.params)
    return Operand(nodes.binary(op, left.node, number_beside(op, left.node, right)), (*left.params, right))


def reflected(op: str, left: object, right: Expr[Any, Any]) -> Operand[Any, Any]:
    """Return `left op right` for a value on the left. Raises QueryError for None."""
    if left is None:
        raise QueryError(f"`{op}` with None is always NULL in SQL: {right!r}")
    return Operand(nodes.binary(op, number_beside(op, right.node, left), right.node), (left, *right.params))


def operand_of(value: object) -> tuple[Expression, tuple[object, ...]]:
    """Return the node and parameters of an expression, or of a bound value."""
    if isinstance(value, Expr):
        expression = cast("Expr[Any, Any]", value)
        return expression.node, expression.params
    if value is None:
        return nodes.NULL, ()
    return nodes.PARAM, (value,)


def operands_of(values: Iterable[object]) -> tuple[tuple[Expression, ...], tuple[object, ...]]:
    """Return the nodes of several expressions or values, and all their parameters."""
    found = [operand_of(value) for value in values]
    return tuple([node for node, _ in found]), tuple([one for _, params in found for one in params])

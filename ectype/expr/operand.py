"""Expressions as people write them: a node, the values of its parameters, and the operators that make more.

`S_co` is the union of the sources an expression mentions, `T` the type of its value: a type checker refuses a column
of a table that is not in scope, and a comparison with a value of another type. Constants mention no source
(`Never`), so they fit everywhere.
"""

from collections.abc import Callable, Collection
from datetime import datetime
from decimal import Decimal
from typing import (
    Any,
    Final,
    Generic,
    Literal,
    Never,
    Protocol,
    TypeAlias,
    TypeVar,
    cast,
    final,
    overload,
)

import typing_extensions

from ectype.errors import QueryError
from ectype.expr import nodes
from ectype.expr.describe import describe, no_queries
from ectype.expr.names import named_inside, output_name
from ectype.expr.nodes import Expression, Ordering
from ectype.expr.windows import Window
from ectype.types.resolve import field_type

S = TypeVar("S")
S2 = TypeVar("S2")
S_co = TypeVar("S_co", covariant=True)
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Num = TypeVar("Num", int, float, Decimal)
N1 = typing_extensions.TypeVar("N1", default=Never)
N2 = typing_extensions.TypeVar("N2", default=Never)
N3 = typing_extensions.TypeVar("N3", default=Never)
N4 = typing_extensions.TypeVar("N4", default=Never)
Set_co = typing_extensions.TypeVar("Set_co", covariant=True, default=S_co)

Value: TypeAlias = str | int | float | Decimal | bytes | datetime | None

new: Callable[[Any], Any] = object.__new__


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

    def __and__(self, other: "Expr[S2, bool | None]") -> "Operand[S_co | S2, bool]":
        return join_predicates("AND", self, other)

    def __or__(self, other: "Expr[S2, bool | None]") -> "Operand[S_co | S2, bool]":
        return join_predicates("OR", self, other)

    def __invert__(self) -> "Operand[S_co, bool]":
        return Operand(nodes.unary("NOT", self.node), self.params)

    def is_null(self) -> "Operand[S_co, bool]":
        """Whether the value is NULL. SQL: `x IS NULL`."""
        return Operand(nodes.unary("IS NULL", self.node), self.params)

    def is_not_null(self) -> "Operand[S_co, bool]":
        """Whether the value is not NULL. SQL: `x IS NOT NULL`."""
        return Operand(nodes.unary("IS NOT NULL", self.node), self.params)

    def asc(self, *, nulls: Literal["first", "last"] | None = None) -> Order[S_co]:
        """Order by this, smallest first; `nulls` says where NULL goes, None leaves it to the database."""
        return Order(nodes.ordering(self.node, _nulls(nulls)), self.params)

    def desc(self, *, nulls: Literal["first", "last"] | None = None) -> Order[S_co]:
        """Order by this, largest first; `nulls` says where NULL goes, None leaves it to the database."""
        return Order(nodes.ordering(self.node, _nulls(nulls), descending=True), self.params)

    def like(self: "Expr[S, str | None]", pattern: str) -> "Operand[S, bool]":
        """Whether the text matches a pattern with `%` and `_`; escape user input with `escape_like`.

        SQLite takes upper and lower case of ASCII letters for the same here, PostgreSQL does not.
        """
        return _compare("LIKE", self, pattern)

    def ilike(self: "Expr[S, str | None]", pattern: str) -> "Operand[S, bool]":
        """The same without regard to case: ILIKE on PostgreSQL, `lower(x) LIKE lower(…)` elsewhere."""
        return _compare("ILIKE", self, pattern)

    def as_type(self, type_: type[T]) -> "Operand[S_co, T]":
        """Change the type of the value, in the database and when it is loaded. SQL: `CAST(x AS bigint)`.

        Raises:
            SchemaError: nothing stores such a type.

        Example:
            `query.select(Post.code.as_type(int))`
        """
        return Operand(nodes.cast(self.node, field_type(type_)[0]), self.params)

    def as_(self, name: str) -> "Expr[S_co, T_co]":
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
        return describe(self.node, iter(self.params), no_queries)


class Operand(Expr[S_co, T]):
    """An expression with the operators of its type."""

    __slots__ = ()
    __hash__ = object.__hash__

    @overload  # type: ignore[override]  # `==` makes an expression
    def __eq__(self, other: None) -> bool: ...
    @overload
    def __eq__(self, other: "Expr[S2, T | None]") -> "Operand[S_co | S2, bool]": ...
    @overload
    def __eq__(self, other: T) -> "Operand[S_co, bool]": ...
    def __eq__(self, other: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]  # `==` makes an expression
        return _compare("=", self, other)

    @overload  # type: ignore[override]  # as `==`
    def __ne__(self, other: None) -> bool: ...
    @overload
    def __ne__(self, other: "Expr[S2, T | None]") -> "Operand[S_co | S2, bool]": ...
    @overload
    def __ne__(self, other: T) -> "Operand[S_co, bool]": ...
    def __ne__(self, other: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]  # as `==`
        return _compare("<>", self, other)

    @overload
    def __gt__(self, other: None) -> bool: ...
    @overload
    def __gt__(self, other: "Expr[S2, T | None]") -> "Operand[S_co | S2, bool]": ...
    @overload
    def __gt__(self, other: T) -> "Operand[S_co, bool]": ...
    def __gt__(self, other: Any) -> Any:
        return _compare(">", self, other)

    @overload
    def __ge__(self, other: None) -> bool: ...
    @overload
    def __ge__(self, other: "Expr[S2, T | None]") -> "Operand[S_co | S2, bool]": ...
    @overload
    def __ge__(self, other: T) -> "Operand[S_co, bool]": ...
    def __ge__(self, other: Any) -> Any:
        return _compare(">=", self, other)

    @overload
    def __lt__(self, other: None) -> bool: ...
    @overload
    def __lt__(self, other: "Expr[S2, T | None]") -> "Operand[S_co | S2, bool]": ...
    @overload
    def __lt__(self, other: T) -> "Operand[S_co, bool]": ...
    def __lt__(self, other: Any) -> Any:
        return _compare("<", self, other)

    @overload
    def __le__(self, other: None) -> bool: ...
    @overload
    def __le__(self, other: "Expr[S2, T | None]") -> "Operand[S_co | S2, bool]": ...
    @overload
    def __le__(self, other: T) -> "Operand[S_co, bool]": ...
    def __le__(self, other: Any) -> Any:
        return _compare("<=", self, other)

    @overload
    def __add__(self, other: "Expr[S2, T]") -> "Operand[S_co | S2, T]": ...
    @overload
    def __add__(self, other: T) -> "Operand[S_co, T]": ...
    def __add__(self, other: Any) -> Any:
        return _arithmetic("+", self, other)

    @overload
    def __sub__(self, other: "Expr[S2, T]") -> "Operand[S_co | S2, T]": ...
    @overload
    def __sub__(self, other: T) -> "Operand[S_co, T]": ...
    def __sub__(self, other: Any) -> Any:
        return _arithmetic("-", self, other)

    @overload
    def __mul__(self, other: "Expr[S2, T]") -> "Operand[S_co | S2, T]": ...
    @overload
    def __mul__(self, other: T) -> "Operand[S_co, T]": ...
    def __mul__(self, other: Any) -> Any:
        return _arithmetic("*", self, other)

    @overload
    def __truediv__(self, other: "Expr[S2, T]") -> "Operand[S_co | S2, T]": ...
    @overload
    def __truediv__(self, other: T) -> "Operand[S_co, T]": ...
    def __truediv__(self, other: Any) -> Any:
        return _arithmetic("/", self, other)

    @overload
    def __mod__(self, other: "Expr[S2, T]") -> "Operand[S_co | S2, T]": ...
    @overload
    def __mod__(self, other: T) -> "Operand[S_co, T]": ...
    def __mod__(self, other: Any) -> Any:
        return _arithmetic("%", self, other)

    def __neg__(self) -> "Operand[S_co, T]":
        return Operand(nodes.unary("-", self.node), self.params)

    def as_(self, name: str) -> "Operand[S_co, T]":
        """Give the value a name in the result: see `Expr.as_`."""
        return Operand(nodes.named(self.node, output_name(name)), self.params)

    def in_(self, values: "Collection[T] | QueryLike[T] | QueryLike[T | None]") -> "Operand[S_co, bool]":
        """Whether the value is one of `values`, or of the rows of a query of one column. Empty: never."""
        shape = shape_of(values)
        if shape is not None:
            query = cast("QueryLike[T]", values)
            return Operand(nodes.subquery("in", self.node, shape, len(query.params)), self.params + query.params)
        if isinstance(values, str | bytes | bytearray) or not isinstance(values, Collection):
            raise QueryError(
                f"`in_` takes a list of values or a query of one column, got {values!r:.80}",
                hint="write `Post.id.in_([1, 2, 3])`, or `Post.id.in_(from_(Comment).select(Comment.post_id))`",
            )
        listed = list(values)
        if any(value is None or isinstance(value, Expr) for value in listed):
            raise QueryError(
                "`in_` takes values only, and found None or an expression in the list",
                hint="write `x.in_(values) | x.is_null()` for NULL, and `(x == a) | (x == b)` for expressions",
            )
        return Operand(nodes.in_values(self.node), (*self.params, listed))

    def between(self, low: T, high: T) -> "Operand[S_co, bool]":
        """Whether `low <= x <= high`. SQL: `x >= $1 AND x <= $2`."""
        return join_predicates("AND", _compare(">=", self, low), _compare("<=", self, high))


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
    def set(self, value: Expr[S2, T]) -> "Assignment[S_co | S2, S_co]": ...
    @overload
    def set(self, value: T) -> "Assignment[S_co, S_co]": ...
    def set(self, value: Any) -> Any:
        """Make this column become a value or an expression, in `update_all`, `do_update` and `select_merge`."""
        if isinstance(value, Expr):
            expression = cast("Expr[Any, Any]", value)
            return Assignment[Any](self.reference, expression.node, expression.params)
        if value is None:
            return Assignment[Any](self.reference, nodes.NULL, ())
        return Assignment[Any](self.reference, nodes.PARAM, (value,))

    @overload
    def inc(self: "Column[S, Num]", by: Num) -> "Assignment[S, S]": ...
    @overload
    def inc(self: "Column[S, Num | None]", by: Num) -> "Assignment[S, S]": ...
    def inc(self, by: Any) -> Any:
        """Make this column grow by a number. SQL: `x = x + $1`."""
        grown = _arithmetic("+", self, by)
        return Assignment[Any](self.reference, grown.node, grown.params)

    def __repr__(self) -> str:
        return f"{self.reference.source.label}.{self.name}"


class Agg(Operand[S_co, T]):
    """An aggregate: it may be selected over an outer side as it is, filtered, and put over a window."""

    __slots__ = ()

    def __reduced__(self) -> tuple[S_co, T]:
        """What a select takes of an aggregate. Only checkers call it."""
        raise QueryError("`__reduced__` exists for type checkers only")

    def as_(self, name: str) -> "Agg[S_co, T]":
        """Give the value a name in the result: see `Expr.as_`."""
        return Agg(nodes.named(self.node, output_name(name)), self.params)

    def filter(self, predicate: Expr[S2, bool | None]) -> "Agg[S_co | S2, T]":
        """Count only the rows where `predicate` holds. SQL: `f(x) FILTER (WHERE …)`."""
        node = self.node
        if isinstance(node, nodes.Named):
            raise named_inside("filter", node)
        if not isinstance(node, nodes.Call) or node.filter is not None:
            raise QueryError(f"`filter` comes once, directly after an aggregate, got {self!r}")
        if not isinstance(predicate, Expr):  # pyright: ignore[reportUnnecessaryIsInstance]  # users pass what they like
            raise QueryError(f"`filter` takes an expression, got {predicate!r:.80}")
        filtered = nodes.call(node.name, node.args, distinct=node.distinct, filter_=predicate.node)
        return Agg(filtered, self.params + predicate.params)

    def over(self, window: "Window[S, S2]") -> "Operand[S_co | S | S2, T]":
        """Compute it over a window instead of a group. SQL: `f(x) OVER (…)`."""
        return _over(self, window)


@final
class Ranking(Generic[S_co, T]):
    """A function that exists only over a window, as `fn.row_number()`: call `.over(window(...))`."""

    __slots__ = ("node", "params")

    def __init__(self, node: Expression, params: tuple[object, ...] = ()) -> None:
        self.node: Final = node
        self.params: Final = params

    def over(self, window: "Window[S, S2]") -> "Operand[S_co | S | S2, T]":
        """Compute it over a window. SQL: `row_number() OVER (…)`."""
        return _over(self, window)


SCALARS = frozenset({int, str, float, bool})
"""Classes of values that need no closer look when an expression is built."""


def _compare(op: str, left: Expr[Any, Any], right: object) -> Operand[Any, bool]:
    """Return `left op right`; a value becomes a parameter, an expression a part of the shape."""
    made: Any = new(Operand)
    params = left.params
    if right.__class__ in SCALARS or not isinstance(right, Expr):
        if right is None:
            raise QueryError(
                f"`{op}` with None is never true in SQL: {left!r}",
                hint="use `.is_null()` or `.is_not_null()`",
            )
        made.node = left.node.kids.get(op) or nodes.compare(op, left.node)
        made.params = (*params, right) if params else (right,)
        return made
    other = cast("Expr[Any, Any]", right)
    made.node = nodes.binary(op, left.node, other.node)
    made.params = params + other.params
    return made


def join_predicates(op: str, left: Expr[Any, Any], right: Expr[Any, Any]) -> Operand[Any, bool]:
    """Return `left AND right`, or OR. Raises QueryError for what is no expression."""
    check_predicate(op, right)
    made: Any = new(Operand)
    made.node = nodes.binary(op, left.node, right.node)
    made.params = left.params + right.params
    return made


def check_predicate(op: str, value: object) -> None:
    """Raise QueryError, with the parentheses that are often missing, for what is no expression."""
    if not isinstance(value, Expr):
        raise QueryError(
            f"`{'&' if op == 'AND' else '|'}` takes expressions, got {value!r:.80}",
            hint="put each comparison in parentheses: `(Post.score > 3) & (Post.title == 'x')`",
        )


def _arithmetic(op: str, left: Expr[Any, Any], right: object) -> Operand[Any, Any]:
    if right is None:
        raise QueryError(f"`{op}` with None is always NULL in SQL: {left!r}")
    if isinstance(right, Expr):
        other = cast("Expr[Any, Any]", right)
        return Operand(nodes.binary(op, left.node, other.node), left.params + other.params)
    return Operand(nodes.binary(op, left.node, nodes.PARAM), (*left.params, right))


def _nulls(place: str | None) -> str | None:
    # The word is written into the text, so nothing else may pass.
    if place not in (None, "first", "last"):
        raise QueryError(f"`nulls` is 'first' or 'last', got {place!r:.80}")
    return place


def _over(function: "Agg[Any, T] | Ranking[Any, T]", window: Window[Any, Any]) -> Operand[Any, T]:
    if isinstance(function.node, nodes.Named):
        raise named_inside("over", function.node)
    node = nodes.over(function.node, window.partition_by, window.order_by, window.frame)
    return Operand(node, function.params + window.params)


def order_term(key: "Expr[Any, Any] | Order[Any]") -> tuple[Ordering, tuple[object, ...]]:
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


def operand_of(value: object) -> tuple[Expression, tuple[object, ...]]:
    """Return the node and parameters of an expression, or of a bound value."""
    if isinstance(value, Expr):
        expression = cast("Expr[Any, Any]", value)
        return expression.node, expression.params
    if value is None:
        return nodes.NULL, ()
    return nodes.PARAM, (value,)


def shape_of(query: object) -> nodes.Node | None:
    """Return the shape of a query, None for anything else; expressions have a node too, which is none."""
    node = None if isinstance(query, Expr) else getattr(query, "node", None)
    return node if isinstance(node, nodes.Node) else None

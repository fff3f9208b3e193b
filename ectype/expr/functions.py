"""The functions of SQL, typed: `fn.count(Post.id)`, `fn.coalesce(User.name, "?")`, `fn.row_number().over(…)`.

Each has one fixed result type on every database: what the databases disagree about is cast in the SQL or decoded by
the loader (`sum` of integers is an `int`, `avg` of integers a `Decimal`, dates stay dates).
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Never, TypeVar, cast, overload

from ectype.errors import QueryError
from ectype.expr import nodes
from ectype.expr.operand import Agg, Expr, Operand, Order, Ranking, operand_of, order_term
from ectype.expr.windows import Frame, Window, check_frame, rows_frame

S = TypeVar("S")
S2 = TypeVar("S2")
T = TypeVar("T")
Num = TypeVar("Num", int, float, Decimal)


@overload
def count() -> Agg[Never, int]: ...
@overload
def count(expr: Expr[S, Any], *, distinct: bool = False) -> Agg[S, int]: ...
def count(expr: Expr[Any, Any] | None = None, *, distinct: bool = False) -> Any:
    """How many rows, or how many in which `expr` is not NULL. SQL: `count(*)`, `count(x)`, `count(DISTINCT x)`."""
    if expr is None:
        return Agg[Any, int](nodes.call("count", ()))
    _check("count", expr)
    return Agg[Any, int](nodes.call("count", (expr.node,), distinct=distinct), expr.params)


@overload
def sum(expr: Expr[S, Num]) -> Agg[S, Num | None]: ...
@overload
def sum(expr: Expr[S, Num | None]) -> Agg[S, Num | None]: ...
def sum(expr: Expr[Any, Any]) -> Any:
    """The sum of the values that are not NULL, in the type of the column; None over no rows."""
    return Agg[Any, Any](_call("sum", expr), expr.params)


@overload
def avg(expr: Expr[S, int | None]) -> Agg[S, Decimal | None]: ...  # pyright: ignore[reportOverlappingOverload]  # int fits float
@overload
def avg(expr: Expr[S, Decimal | None]) -> Agg[S, Decimal | None]: ...
@overload
def avg(expr: Expr[S, float | None]) -> Agg[S, float | None]: ...
def avg(expr: Expr[Any, Any]) -> Any:
    """The mean of the values that are not NULL: a Decimal of integers and decimals, a float of floats."""
    return Agg[Any, Any](_call("avg", expr), expr.params)


def min(expr: Expr[S, T | None]) -> Agg[S, T | None]:
    """The smallest value that is not NULL; None over no rows."""
    return Agg(_call("min", expr), expr.params)


def max(expr: Expr[S, T | None]) -> Agg[S, T | None]:
    """The largest value that is not NULL; None over no rows."""
    return Agg(_call("max", expr), expr.params)


@overload
def coalesce(expr: Expr[S, T | None], default: Expr[S2, T]) -> Operand[S | S2, T]: ...
@overload
def coalesce(expr: Expr[S, T | None], default: T) -> Operand[S, T]: ...
def coalesce(expr: Expr[Any, Any], default: Any) -> Any:
    """The first of the two that is not NULL."""
    node, params = operand_of(default)
    return Operand[Any, Any](_call("coalesce", expr, node), expr.params + params)


def nullif(expr: Expr[S, T], value: T) -> Operand[S, T | None]:
    """NULL where the expression equals the value, else the expression."""
    node, params = operand_of(value)
    return Operand(_call("nullif", expr, node), expr.params + params)


def lower(expr: Expr[S, T]) -> Operand[S, T]:
    """The text in lower case (SQLite: ASCII letters only)."""
    return Operand(_call("lower", expr), expr.params)


def upper(expr: Expr[S, T]) -> Operand[S, T]:
    """The text in upper case (SQLite: ASCII letters only)."""
    return Operand(_call("upper", expr), expr.params)


def trim(expr: Expr[S, T]) -> Operand[S, T]:
    """The text without blanks at both ends."""
    return Operand(_call("trim", expr), expr.params)


@overload
def length(expr: Expr[S, str]) -> Operand[S, int]: ...  # pyright: ignore[reportOverlappingOverload]  # the narrow one first
@overload
def length(expr: Expr[S, str | None]) -> Operand[S, int | None]: ...
def length(expr: Expr[Any, Any]) -> Any:
    """How many characters the text has."""
    return Operand[Any, Any](_call("length", expr), expr.params)


def abs(expr: Expr[S, T]) -> Operand[S, T]:
    """The number without its sign."""
    return Operand(_call("abs", expr), expr.params)


def concat(first: Expr[S, str], second: Expr[S2, str] | str) -> Operand[S | S2, str]:
    """The two texts, one after the other. SQL: `a || b`."""
    _check("concat", first)
    node, params = operand_of(second)
    return Operand(nodes.binary("||", first.node, node), first.params + params)


def substring(expr: Expr[S, T], start: int, count: int) -> Operand[S, T]:
    """`count` characters of the text from the `start`-th on; the first is number 1."""
    return Operand(_call("substr", expr, nodes.PARAM, nodes.PARAM), (*expr.params, start, count))


def row_number() -> Ranking[Never, int]:
    """The row's number in its window, from 1."""
    return Ranking(nodes.call("row_number", ()))


def rank() -> Ranking[Never, int]:
    """The row's rank in its window; equals share one, and leave a gap after them."""
    return Ranking(nodes.call("rank", ()))


def dense_rank() -> Ranking[Never, int]:
    """The row's rank in its window; equals share one, without a gap after them."""
    return Ranking(nodes.call("dense_rank", ()))


def lag(expr: Expr[S, T | None], offset: int = 1) -> Ranking[S, T | None]:
    """The value `offset` rows earlier in the window; None before its first row."""
    return Ranking(_call("lag", expr, nodes.PARAM), (*expr.params, offset))


def lead(expr: Expr[S, T | None], offset: int = 1) -> Ranking[S, T | None]:
    """The value `offset` rows later in the window; None after its last row."""
    return Ranking(_call("lead", expr, nodes.PARAM), (*expr.params, offset))


def first_value(expr: Expr[S, T]) -> Ranking[S, T]:
    """The value of the window frame's first row."""
    return Ranking(_call("first_value", expr), expr.params)


def last_value(expr: Expr[S, T]) -> Ranking[S, T]:
    """The value of the window frame's last row."""
    return Ranking(_call("last_value", expr), expr.params)


def rows(start: int | None, end: int | None) -> Frame:
    """A window frame counted in rows: negative is preceding, 0 the current row, None without bound.

    Raises:
        QueryError: for a bound that is no number of rows, or an end before the start.

    >>> rows(-6, 0)
    ('ROWS', -6, 0)
    """
    return rows_frame(start, end)


@overload
def window(*, frame: Frame | None = None) -> Window[Any, Any]: ...
@overload
def window(*, partition_by: Expr[S, Any] | Sequence[Expr[S, Any]], frame: Frame | None = None) -> Window[S, Never]: ...
@overload
def window(
    *, order_by: Expr[S, Any] | Order[S] | Sequence[Expr[S, Any] | Order[S]], frame: Frame | None = None
) -> Window[Never, S]: ...
@overload
def window(
    *,
    partition_by: Expr[S, Any] | Sequence[Expr[S, Any]],
    order_by: Expr[S2, Any] | Order[S2] | Sequence[Expr[S2, Any] | Order[S2]],
    frame: Frame | None = None,
) -> Window[S, S2]: ...
def window(*, partition_by: Any = (), order_by: Any = (), frame: Frame | None = None) -> Any:
    """Describe a window for `.over(…)`: rows with equal `partition_by` in the order of `order_by`.

    Raises:
        QueryError: for what is no expression, or a frame that `fn.rows` has not made.

    Example:
        `fn.row_number().over(window(partition_by=Post.author_id, order_by=Post.score.desc()))`
    """
    if frame is not None:
        check_frame(frame)
    params: tuple[object, ...] = ()
    parts: list[nodes.Expression] = []
    for expr in _several(partition_by):
        _check("window(partition_by=…)", expr)
        parts.append(expr.node)
        params += expr.params
    terms: list[nodes.Ordering] = []
    for key in _several(order_by):
        node, values = order_term(key)
        terms.append(node)
        params += values
    made: Window[Any, Any] = Window(tuple(parts), tuple(terms), frame, params)
    return made


def _several(given: Any) -> Sequence[Any]:
    return cast("Sequence[Any]", given) if isinstance(given, list | tuple) else (given,)


def _call(name: str, expr: Expr[Any, Any], *others: nodes.Expression) -> nodes.Call:
    _check(name, expr)
    return nodes.call(name, (expr.node, *others))


def _check(what: str, value: object) -> None:
    if not isinstance(value, Expr):
        raise QueryError(
            f"`{what}` takes a column or an expression, got {value!r:.80}", hint="wrap a constant: `literal('new')`"
        )

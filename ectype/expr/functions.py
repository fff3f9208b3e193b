"""The functions of SQL, typed: `fn.count(Post.id)`, `fn.coalesce(User.name, "?")`, `fn.row_number().over(…)`.

Each has one fixed result type on every database: what the databases disagree about is cast in the SQL or decoded by
the loader (`sum` of integers is an `int`, `avg` of integers a `Decimal`, dates stay dates).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Never, TypeVar, cast, overload

from ectype.expr import nodes
from ectype.expr.aggregate_functions import array_agg as array_agg
from ectype.expr.aggregate_functions import array_length as array_length
from ectype.expr.aggregate_functions import bool_or as bool_or
from ectype.expr.aggregate_functions import cume_dist as cume_dist
from ectype.expr.aggregate_functions import every as every
from ectype.expr.aggregate_functions import json_agg as json_agg
from ectype.expr.aggregate_functions import lag as lag
from ectype.expr.aggregate_functions import lead as lead
from ectype.expr.aggregate_functions import nth_value as nth_value
from ectype.expr.aggregate_functions import ntile as ntile
from ectype.expr.aggregate_functions import percent_rank as percent_rank
from ectype.expr.aggregate_functions import percentile_cont as percentile_cont
from ectype.expr.aggregate_functions import percentile_disc as percentile_disc
from ectype.expr.aggregate_functions import string_agg as string_agg
from ectype.expr.calls import call_of, check_argument
from ectype.expr.date_functions import ago as ago
from ectype.expr.date_functions import date_add as date_add
from ectype.expr.date_functions import date_trunc as date_trunc
from ectype.expr.date_functions import datetime_add as datetime_add
from ectype.expr.date_functions import day as day
from ectype.expr.date_functions import from_now as from_now
from ectype.expr.date_functions import hour as hour
from ectype.expr.date_functions import minute as minute
from ectype.expr.date_functions import month as month
from ectype.expr.date_functions import now as now
from ectype.expr.date_functions import second as second
from ectype.expr.date_functions import weekday as weekday
from ectype.expr.date_functions import year as year
from ectype.expr.nodes import Frame
from ectype.expr.number_functions import ceil as ceil
from ectype.expr.number_functions import floor as floor
from ectype.expr.number_functions import greatest as greatest
from ectype.expr.number_functions import least as least
from ectype.expr.number_functions import power as power
from ectype.expr.number_functions import round as round
from ectype.expr.number_functions import sign as sign
from ectype.expr.number_functions import sqrt as sqrt
from ectype.expr.operand import Agg, Expr, Operand, Order, Ranking, any_agg, any_operand, operand_of, order_term
from ectype.expr.range_functions import adjacent as adjacent
from ectype.expr.range_functions import is_empty as is_empty
from ectype.expr.range_functions import lower as lower
from ectype.expr.range_functions import strictly_left as strictly_left
from ectype.expr.range_functions import strictly_right as strictly_right
from ectype.expr.range_functions import upper as upper
from ectype.expr.text_functions import collate as collate
from ectype.expr.text_functions import concat as concat
from ectype.expr.text_functions import contains_text as contains_text
from ectype.expr.text_functions import ends_with as ends_with
from ectype.expr.text_functions import regexp as regexp
from ectype.expr.text_functions import replace as replace
from ectype.expr.text_functions import search as search
from ectype.expr.text_functions import search_rank as search_rank
from ectype.expr.text_functions import starts_with as starts_with
from ectype.expr.windows import Exclude, Window, check_frame, frame_of

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
        return any_agg(nodes.call("count", ()))
    check_argument("count", expr)
    return any_agg(nodes.call("count", (expr.node,), distinct=distinct), expr.params)


@overload
def sum(expr: Expr[S, Num]) -> Agg[S, Num | None]: ...
@overload
def sum(expr: Expr[S, Num | None]) -> Agg[S, Num | None]: ...
def sum(expr: Expr[Any, Any]) -> Any:
    """The sum of the values that are not NULL, in the type of the column; None over no rows."""
    return any_agg(call_of("sum", expr), expr.params)


@overload
def avg(expr: Expr[S, int | None]) -> Agg[S, Decimal | None]: ...  # pyright: ignore[reportOverlappingOverload]  # int fits float
@overload
def avg(expr: Expr[S, Decimal | None]) -> Agg[S, Decimal | None]: ...
@overload
def avg(expr: Expr[S, float | None]) -> Agg[S, float | None]: ...
def avg(expr: Expr[Any, Any]) -> Any:
    """The mean of the values that are not NULL: a Decimal of integers and decimals, a float of floats."""
    return any_agg(call_of("avg", expr), expr.params)


def min(expr: Expr[S, T | None]) -> Agg[S, T | None]:
    """The smallest value that is not NULL; None over no rows."""
    return Agg(call_of("min", expr), expr.params)


def max(expr: Expr[S, T | None]) -> Agg[S, T | None]:
    """The largest value that is not NULL; None over no rows."""
    return Agg(call_of("max", expr), expr.params)


@overload
def coalesce(expr: Expr[S, T | None], default: Expr[S2, T]) -> Operand[S | S2, T]: ...
@overload
def coalesce(expr: Expr[S, T | None], default: T) -> Operand[S, T]: ...
def coalesce(expr: Expr[Any, Any], default: Any) -> Any:
    """The first of the two that is not NULL."""
    node, params = operand_of(default)
    return any_operand(call_of("coalesce", expr, node), expr.params + params)


def nullif(expr: Expr[S, T], value: T) -> Operand[S, T | None]:
    """NULL where the expression equals the value, else the expression."""
    node, params = operand_of(value)
    return Operand(call_of("nullif", expr, node), expr.params + params)


def trim(expr: Expr[S, T]) -> Operand[S, T]:
    """The text without blanks at both ends."""
    return Operand(call_of("trim", expr), expr.params)


@overload
def length(expr: Expr[S, str]) -> Operand[S, int]: ...  # pyright: ignore[reportOverlappingOverload]  # the narrow one first
@overload
def length(expr: Expr[S, str | None]) -> Operand[S, int | None]: ...
def length(expr: Expr[Any, Any]) -> Any:
    """How many characters the text has."""
    return any_operand(call_of("length", expr), expr.params)


def abs(expr: Expr[S, T]) -> Operand[S, T]:
    """The number without its sign."""
    return Operand(call_of("abs", expr), expr.params)


def substring(expr: Expr[S, T], start: int, count: int) -> Operand[S, T]:
    """`count` characters of the text from the `start`-th on; the first is number 1."""
    return Operand(call_of("substr", expr, nodes.PARAM, nodes.PARAM), (*expr.params, start, count))


def row_number() -> Ranking[Never, int]:
    """The row's number in its window, from 1."""
    return Ranking(nodes.call("row_number", ()))


def rank() -> Ranking[Never, int]:
    """The row's rank in its window; equals share one, and leave a gap after them."""
    return Ranking(nodes.call("rank", ()))


def dense_rank() -> Ranking[Never, int]:
    """The row's rank in its window; equals share one, without a gap after them."""
    return Ranking(nodes.call("dense_rank", ()))


def first_value(expr: Expr[S, T]) -> Ranking[S, T]:
    """The value of the window frame's first row."""
    return Ranking(call_of("first_value", expr), expr.params)


def last_value(expr: Expr[S, T]) -> Ranking[S, T]:
    """The value of the window frame's last row."""
    return Ranking(call_of("last_value", expr), expr.params)


def rows(start: int | None, end: int | None, *, exclude: Exclude | None = None) -> Frame:
    """A window frame counted in rows: negative is preceding, 0 the current row, None without bound.

    `exclude` leaves out of it the current row, the rows that the order takes for equal to it (`group`), or those but
    not itself (`ties`). SQL: `ROWS BETWEEN 6 PRECEDING AND CURRENT ROW EXCLUDE TIES`.

    Raises:
        QueryError: for a bound that is no number of rows, or an end before the start.

    >>> rows(-6, 0)
    ('ROWS', -6, 0, None)
    """
    return frame_of("ROWS", start, end, exclude)


def range_(start: int | None, end: int | None, *, exclude: Exclude | None = None) -> Frame:
    """A window frame by distance: the rows whose key, one number, is at most so much smaller or greater.

    0 stands for the current row and all that the order takes for equal to it. SQL: `RANGE BETWEEN …`.

    Raises:
        QueryError: as for `rows`; in a window whose order is not one number.

    >>> range_(-10, 0)
    ('RANGE', -10, 0, None)
    """
    return frame_of("RANGE", start, end, exclude)


def groups(start: int | None, end: int | None, *, exclude: Exclude | None = None) -> Frame:
    """A window frame counted in groups of rows that the order takes for equal. SQL: `GROUPS BETWEEN …`.

    Raises:
        QueryError: as for `rows`; in a window without order.

    >>> groups(-1, 0)
    ('GROUPS', -1, 0, None)
    """
    return frame_of("GROUPS", start, end, exclude)


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
        QueryError: for what is no expression, or a frame that `fn.rows`, `fn.range_` or `fn.groups` has not made.

    Example:
        `fn.row_number().over(window(partition_by=Post.author_id, order_by=Post.score.desc()))`
    """
    params: tuple[object, ...] = ()
    parts: list[nodes.Expression] = []
    for expr in _several(partition_by):
        check_argument("window(partition_by=…)", expr)
        parts.append(expr.node)
        params += expr.params
    terms: list[nodes.Ordering] = []
    for key in _several(order_by):
        node, values = order_term(key)
        terms.append(node)
        params += values
    if frame is not None:
        check_frame(frame, tuple(terms))
    made: Window[Any, Any] = Window(tuple(parts), tuple(terms), frame, params)
    return made


def _several(given: Any) -> Sequence[Any]:
    return cast("Sequence[Any]", given) if isinstance(given, list | tuple) else (given,)

"""Moments and days: the application's clock, moving by units, and taking apart.

"Now" is the clock of the application, in UTC, as a bound value: a query asks for the moment at which it was built.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, Literal, Never, TypeAlias, TypeVar, cast, get_args, overload

from ectype.errors import QueryError
from ectype.expr import nodes
from ectype.expr.calls import call_of
from ectype.expr.operand import Expr, Operand, any_operand, operand_of
from ectype.types.temporal import DATETIME

S = TypeVar("S")
S2 = TypeVar("S2")
Moment = TypeVar("Moment", datetime, datetime | None)
Day = TypeVar("Day", date, date | None)

DayUnit: TypeAlias = Literal["year", "quarter", "month", "week", "day"]
TimeUnit: TypeAlias = Literal["hour", "minute", "second", "millisecond", "microsecond"]
Unit: TypeAlias = DayUnit | TimeUnit
TruncatedUnit: TypeAlias = Literal["year", "month", "week", "day", "hour", "minute", "second"]

DAY_UNITS: Final = get_args(DayUnit)
UNITS: Final = (*DAY_UNITS, *get_args(TimeUnit))
MONTHS: Final = {"month": 1, "quarter": 3, "year": 12}
MICROSECONDS: Final = {
    "week": 604_800_000_000, "day": 86_400_000_000, "hour": 3_600_000_000, "minute": 60_000_000, "second": 1_000_000,
    "millisecond": 1_000, "microsecond": 1,
}  # fmt: skip


def now() -> Operand[Never, datetime]:
    """The moment at which the query is built, by the clock of the application, in UTC. It is a bound value."""
    return Operand(nodes.param(DATETIME), (datetime.now(UTC),))


@overload
def ago(count: float, unit: Unit) -> Operand[Never, datetime]: ...
@overload
def ago(count: Expr[S, int], unit: Unit) -> Operand[S, datetime]: ...
def ago(count: Any, unit: Unit) -> Any:
    """The moment that many units before now: see `datetime_add`.

    Example:
        `query.where(Post.posted_at > fn.ago(3, "day"))`
    """
    return datetime_add(now(), -count, unit)


@overload
def from_now(count: float, unit: Unit) -> Operand[Never, datetime]: ...
@overload
def from_now(count: Expr[S, int], unit: Unit) -> Operand[S, datetime]: ...
def from_now(count: Any, unit: Unit) -> Any:
    """The moment that many units after now: see `datetime_add`."""
    return datetime_add(now(), count, unit)


@overload
def datetime_add(expr: Expr[S, Moment], count: float, unit: Unit) -> Operand[S, Moment]: ...
@overload
def datetime_add(expr: Expr[S, Moment], count: Expr[S2, int], unit: Unit) -> Operand[S | S2, Moment]: ...
def datetime_add(expr: Expr[Any, Any], count: Any, unit: Unit) -> Any:
    """Move a moment by a number of units, which may be negative or an expression.

    Where the month has no such day, it is its last one: a month after January 31 is February 29 in 2024. A fraction of
    a week or less is counted in whole microseconds; months, quarters and years have none.
    SQL: `x + CAST($1 AS float8) * interval '1 month'`.

    Raises:
        QueryError: for an unknown unit, or a count that is no number, or a fraction of months.

    Example:
        `query.where(fn.datetime_add(Post.posted_at, 1, "month") > fn.now())`
    """
    _check_unit("datetime_add", unit, UNITS)
    number, found = _whole(count, unit)
    if isinstance(expr, Operand) and expr.node is nodes.param(DATETIME) and not isinstance(number, Expr):
        # Both are known here: the value is one bound moment.
        return any_operand(expr.node, (_moved(cast("Any", expr.params[0]), cast("int", number), found),))
    return _added("datetime_add", expr, cast("Any", number), found)


@overload
def date_add(expr: Expr[S, Day], count: int, unit: DayUnit) -> Operand[S, Day]: ...
@overload
def date_add(expr: Expr[S, Day], count: Expr[S2, int], unit: DayUnit) -> Operand[S | S2, Day]: ...
def date_add(expr: Expr[Any, Any], count: Any, unit: DayUnit) -> Any:
    """Move a day by a number of days, weeks, months, quarters or years: see `datetime_add`.

    SQL: `CAST(x + CAST($1 AS float8) * interval '1 month' AS date)`.
    """
    _check_unit("date_add", unit, DAY_UNITS)
    if not isinstance(count, Expr) and count.__class__ is not int:
        raise QueryError(f"a day is moved by a whole number of {unit}s, got {count!r:.80}")
    return _added("date_add", expr, cast("Any", count), unit)


def _check_unit(function: str, unit: object, units: tuple[str, ...]) -> None:
    # An expression, given in the place of its unit, has no `==` that is true or false.
    if not isinstance(unit, str) or unit not in units:
        raise QueryError(f"`fn.{function}` knows no unit {unit!r:.40}", hint=f"its units are {', '.join(units)}")


def _added(name: str, expr: Expr[Any, Any], count: Any, unit: str) -> Operand[Any, Any]:
    node, params = operand_of(count)
    return Operand(call_of(f"{name} {unit}", expr, node), expr.params + params)


def _whole(count: Any, unit: str) -> tuple[Any, str]:
    """Return a count as a whole number, in microseconds where it is a fraction."""
    if isinstance(count, Expr):
        return cast("object", count), unit
    if count.__class__ is int:
        return count, unit
    try:
        whole = count == int(count)
        micro = count * MICROSECONDS.get(unit, 0)
        exact = micro == int(micro)
    except (TypeError, ValueError, OverflowError):
        raise QueryError(f"a count of units is a number or an expression, got {count!r:.80}") from None
    if whole:
        return int(count), unit
    if unit in MONTHS:
        raise QueryError(
            f"a fraction of a {unit} has no length: {count!r:.80}", hint="count in days, or in whole months"
        )
    if not exact:
        raise QueryError(f"{count!r:.80} {unit}s are no whole number of microseconds")
    return int(micro), "microsecond"


def _moved(moment: datetime, count: int, unit: str) -> datetime:
    try:
        if unit not in MONTHS:
            return moment + timedelta(microseconds=count * MICROSECONDS[unit])
        month = moment.year * 12 + moment.month - 1 + count * MONTHS[unit]
        year, month = month // 12, month % 12 + 1
        return moment.replace(year=year, month=month, day=min(moment.day, monthrange(year, month)[1]))
    except (OverflowError, ValueError):
        raise QueryError(f"{count} {unit}s from now are outside of the years 1 to 9999") from None


@overload
def date_trunc(unit: TruncatedUnit, expr: Expr[S, Moment]) -> Operand[S, Moment]: ...
@overload
def date_trunc(unit: DayUnit, expr: Expr[S, Day]) -> Operand[S, Day]: ...
def date_trunc(unit: str, expr: Expr[Any, Any]) -> Any:
    """The beginning of the year, month, week (Monday), day, hour, minute or second, in UTC.

    SQL: `date_trunc('month', x, 'UTC')`.

    Raises:
        QueryError: for another unit.
    """
    _check_unit("date_trunc", unit, get_args(TruncatedUnit))
    return any_operand(call_of(f"date_trunc {unit}", expr), expr.params)


@overload
def year(expr: Expr[S, date]) -> Operand[S, int]: ...  # pyright: ignore[reportOverlappingOverload]  # the narrow one first
@overload
def year(expr: Expr[S, date | None]) -> Operand[S, int | None]: ...
def year(expr: Expr[Any, Any]) -> Any:
    """The year of a date or a moment in UTC; None of NULL. SQL: `CAST(extract(year FROM x) AS bigint)`."""
    return any_operand(call_of("date_part year", expr), expr.params)


@overload
def month(expr: Expr[S, date]) -> Operand[S, int]: ...  # pyright: ignore[reportOverlappingOverload]  # the narrow one first
@overload
def month(expr: Expr[S, date | None]) -> Operand[S, int | None]: ...
def month(expr: Expr[Any, Any]) -> Any:
    """The month of a date or a moment in UTC, from 1."""
    return any_operand(call_of("date_part month", expr), expr.params)


@overload
def day(expr: Expr[S, date]) -> Operand[S, int]: ...  # pyright: ignore[reportOverlappingOverload]  # the narrow one first
@overload
def day(expr: Expr[S, date | None]) -> Operand[S, int | None]: ...
def day(expr: Expr[Any, Any]) -> Any:
    """The day of the month of a date or a moment in UTC."""
    return any_operand(call_of("date_part day", expr), expr.params)


@overload
def weekday(expr: Expr[S, date]) -> Operand[S, int]: ...  # pyright: ignore[reportOverlappingOverload]  # the narrow one first
@overload
def weekday(expr: Expr[S, date | None]) -> Operand[S, int | None]: ...
def weekday(expr: Expr[Any, Any]) -> Any:
    """The day of the week of a date or a moment in UTC: Monday is 1, Sunday 7."""
    return any_operand(call_of("date_part weekday", expr), expr.params)


@overload
def hour(expr: Expr[S, time | datetime]) -> Operand[S, int]: ...  # pyright: ignore[reportOverlappingOverload]  # the narrow one first
@overload
def hour(expr: Expr[S, time | datetime | None]) -> Operand[S, int | None]: ...
def hour(expr: Expr[Any, Any]) -> Any:
    """The hour of a time or a moment in UTC."""
    return any_operand(call_of("date_part hour", expr), expr.params)


@overload
def minute(expr: Expr[S, time | datetime]) -> Operand[S, int]: ...  # pyright: ignore[reportOverlappingOverload]  # the narrow one first
@overload
def minute(expr: Expr[S, time | datetime | None]) -> Operand[S, int | None]: ...
def minute(expr: Expr[Any, Any]) -> Any:
    """The minute of a time or a moment."""
    return any_operand(call_of("date_part minute", expr), expr.params)


@overload
def second(expr: Expr[S, time | datetime]) -> Operand[S, int]: ...  # pyright: ignore[reportOverlappingOverload]  # the narrow one first
@overload
def second(expr: Expr[S, time | datetime | None]) -> Operand[S, int | None]: ...
def second(expr: Expr[Any, Any]) -> Any:
    """The second of a time or a moment, without its fraction."""
    return any_operand(call_of("date_part second", expr), expr.params)

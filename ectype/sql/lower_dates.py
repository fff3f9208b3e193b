"""Moments and days moved, truncated and taken apart.

PostgreSQL computes with intervals. SQLite has text of exactly 26 characters for a moment: the seconds are moved by its
own functions, which keep milliseconds only, and the microseconds are carried beside them, so that every result has
that form again and text order stays time order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sqlglot import exp

from ectype.errors import QueryError
from ectype.expr.describe import sketch
from ectype.expr.nodes import Binary, Call
from ectype.query.inference import plain, type_of
from ectype.sql.fence import Lowers, atom, compound
from ectype.sql.raising import raised
from ectype.types.base import Type
from ectype.types.duration import DURATION
from ectype.types.numeric import INTEGER
from ectype.types.temporal import DATE, DATETIME, TIME

MICROSECONDS: Final = {"millisecond": 1_000, "microsecond": 1}
MONTHS: Final = {"month": 1, "quarter": 3, "year": 12}
DAYS: Final = {"day": 1, "week": 7}


def moved(lowering: Lowers, node: Binary) -> exp.Expr | None:
    """Return `moment ± span`, `moment - moment` and `day - day`; None for every other operator.

    Raises:
        QueryError: for a day and a span of time, which make no day.
    """
    op = node.op
    if op not in ("+", "-"):
        return None
    left, right = plain(type_of(node.left)), plain(type_of(node.right))
    if {left, right} == {DATE, DURATION}:
        raise QueryError(
            f"a day and a span of time make no day: `{sketch(node)}`",
            hint='move it by whole days: `fn.date_add(Post.day, 3, "day")`',
        )
    if lowering.dialect.intervals:
        return None
    unknown = DURATION if op == "+" else None
    left, right = left or unknown or right, right or unknown or left
    if op == "-" and left is not None and left == right and left in (DATE, DATETIME):
        return _between(lowering, node, left)
    if {left, right} == {DATETIME, DURATION} and (op == "+" or left == DATETIME):
        first = lowering.text(node.left, lowering.dumper(left))
        second = lowering.text(node.right, lowering.dumper(right))
        moment, span = (first, second) if left == DATETIME else (second, first)
        return _move(moment, span if op == "+" else f"-({span})")
    return None


def _between(lowering: Lowers, node: Binary, type_: Type[Any]) -> exp.Expr:
    dump = lowering.dumper(type_)
    first, second = lowering.text(node.left, dump), lowering.text(node.right, dump)
    if type_ == DATE:
        return atom(f"CAST(julianday({first}) - julianday({second}) AS INTEGER)")
    seconds = f"(strftime('%s', substr({first}, 1, 19)) - strftime('%s', substr({second}, 1, 19)))"
    return compound(f"{seconds} * 1000000 + substr({first}, 21) - substr({second}, 21)")


def _move(moment: str, microseconds: str) -> exp.Expr:
    """Return a moment, moved by a number of microseconds: whole seconds by SQLite, the rest beside them."""
    total = f"(CAST(substr({moment}, 21) AS INTEGER) + {microseconds})"
    rest = f"(({total} % 1000000 + 1000000) % 1000000)"
    moved = (
        f"datetime(substr({moment}, 1, 19), (({total} - {rest}) / 1000000) || ' seconds') || printf('.%06d', {rest})"
    )
    return _held(moved, moment, microseconds)


def _held(moved: str, *given: str) -> exp.Expr:
    """Return a moment or day; beyond the year 9999 SQLite has NULL for it, as it has where one of `given` is NULL."""
    test = " AND ".join(f"{one} IS NOT NULL" for one in given)
    return atom(f"coalesce({moved}, CASE WHEN {test} THEN {raised('year out of range')} END)")


def _add(lowering: Lowers, node: Call, unit: str) -> exp.Expr:
    subject, count = node.args
    type_ = plain(type_of(subject))
    if type_ not in (DATE, DATETIME):
        raise QueryError(
            f"only a date or a datetime is moved by a {unit}: `{sketch(node)}`",
            hint="say its type: `.as_type(datetime)`",
        )
    moment = lowering.text(subject)
    if lowering.dialect.intervals:
        span = f"CAST({lowering.text(count, lowering.dumper(INTEGER))} AS float8)"
        added = f"{moment} + {span} * interval '{3 if unit == 'quarter' else 1} {_pg_unit(unit)}'"
        return atom(f"CAST({added} AS date)") if type_ == DATE else compound(added)
    number = lowering.text(count, lowering.dumper(INTEGER))
    rest = "" if type_ == DATE else f" || substr({moment}, 11)"
    if unit in MONTHS:
        months = number if unit == "month" else f"({number} * {MONTHS[unit]})"
        # The day may be too late for its month: then SQLite goes on into the next one, and the month's last is earlier.
        same = f"date({moment}, 'start of month', {months} || ' months', (strftime('%d', {moment}) - 1) || ' days')"
        last = f"date({moment}, 'start of month', ({months} + 1) || ' months', '-1 day')"
        return _held(f"min({same}, {last}){rest}", moment, number)
    if unit in DAYS:
        days = number if unit == "day" else f"({number} * {DAYS[unit]})"
        return _held(f"date({moment}, {days} || ' days'){rest}", moment, number)
    if unit in MICROSECONDS:
        return _move(moment, number if unit == "microsecond" else f"{number} * {MICROSECONDS[unit]}")
    return _held(f"datetime(substr({moment}, 1, 19), {number} || ' {unit}s') || substr({moment}, 20)", moment, number)


def _pg_unit(unit: str) -> str:
    return "month" if unit == "quarter" else unit


TRUNCATED: Final = {
    "year": "substr({0}, 1, 4) || '-01-01'",
    "month": "substr({0}, 1, 7) || '-01'",
    "week": "date({0}, 'weekday 0', '-6 days')",
    "day": "substr({0}, 1, 10)",
}
OF_A_DAY: Final = {"hour": (13, ":00:00.000000"), "minute": (16, ":00.000000"), "second": (19, ".000000")}


def _truncate(lowering: Lowers, node: Call, unit: str) -> exp.Expr:
    type_ = plain(type_of(node.args[0]))
    if type_ != DATETIME and (type_ != DATE or unit in OF_A_DAY):
        raise QueryError(f"`date_trunc` to the {unit} needs a moment: `{sketch(node)}`")
    moment = lowering.text(node.args[0])
    if lowering.dialect.intervals:
        if type_ == DATE:
            return atom(f"CAST(date_trunc('{unit}', CAST({moment} AS timestamp)) AS date)")
        return atom(f"date_trunc('{unit}', {moment}, 'UTC')")
    if unit in OF_A_DAY:
        length, rest = OF_A_DAY[unit]
        return compound(f"substr({moment}, 1, {length}) || '{rest}'")
    start = TRUNCATED[unit].format(moment)
    return compound(start) if type_ == DATE else compound(f"{start} || ' 00:00:00.000000'")


PARTS: Final = {
    "year": "%Y", "month": "%m", "day": "%d", "hour": "%H", "minute": "%M", "second": "%S", "weekday": "%w",
}  # fmt: skip


def _part(lowering: Lowers, node: Call, unit: str) -> exp.Expr:
    type_ = plain(type_of(node.args[0]))
    wanted = (DATETIME, TIME) if unit in OF_A_DAY else (DATE, DATETIME)
    if type_ not in wanted:
        raise QueryError(f"`fn.{unit}` needs {' or '.join(one.name for one in wanted)}: `{sketch(node)}`")
    moment = lowering.text(node.args[0])
    if lowering.dialect.intervals:
        if type_ == DATETIME:
            moment = f"{moment} AT TIME ZONE 'UTC'"
        found = f"extract({'isodow' if unit == 'weekday' else unit} FROM {moment})"
        return atom(f"CAST({f'trunc({found})' if unit == 'second' else found} AS bigint)")
    if unit == "weekday":
        return compound(f"(strftime('%w', {moment}) + 6) % 7 + 1")
    return atom(f"CAST(strftime('{PARTS[unit]}', {moment}) AS INTEGER)")


CALLS: dict[str, Callable[[Lowers, Call, str], exp.Expr]] = {
    "datetime_add": _add,
    "date_add": _add,
    "date_trunc": _truncate,
    "date_part": _part,
}

"""Spans of the calendar: months, days and microseconds apart, since a month has no length."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any, ClassVar, Final, cast

from ectype.errors import CastError
from ectype.result import Err, Ok
from ectype.types.base import Codec, JsonForm
from ectype.types.numeric import INT64_MAX, INT64_MIN
from ectype.types.refusals import refused, shown, unreadable
from ectype.types.scalars import Scalar

_INT32_MAX: Final = 2**31 - 1
_INT32_MIN: Final = -(2**31)
_SECOND: Final = 1_000_000
_MAX_TEXT: Final = 80

_ISO: Final = re.compile(
    r"([+-]?)P(?=[-0-9T])(?:(-?[0-9]{1,9})Y)?(?:(-?[0-9]{1,10})M)?(?:(-?[0-9]{1,9})W)?(?:(-?[0-9]{1,10})D)?"
    r"(?:T(?=[-0-9])(?:(-?[0-9]{1,10})H)?(?:(-?[0-9]{1,11})M)?(?:(-?)([0-9]{1,13})(?:[.,]([0-9]{1,6}))?S)?)?"
)
_POSTGRES: Final = re.compile(
    r"(?:([+-]?[0-9]+) years?)? ?(?:([+-]?[0-9]+) mons?)? ?(?:([+-]?[0-9]+) days?)? ?"
    r"(?:([+-]?)([0-9]+):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,6}))?)?"
)


@dataclass(frozen=True, slots=True)
class Interval:
    """A span of the calendar, as `interval` of PostgreSQL keeps one. Without months, a timedelta says the same.

    Equal are those with equal parts: a month is not 30 days here, though PostgreSQL takes it for them when it
    compares.

    Attributes:
        months: whole months, of 32 bits; a year is twelve.
        days: whole days, of 32 bits.
        microseconds: the rest, of 64 bits.

    Raises:
        CastError: a part is no int of so many bits.

    >>> str(Interval(months=14, days=-3, microseconds=1_500_000))
    'P14M-3DT1.5S'
    """

    months: int = 0
    days: int = 0
    microseconds: int = 0

    def __post_init__(self) -> None:
        for one in fields(self):
            value = cast("object", getattr(self, one.name))
            low, high = (INT64_MIN, INT64_MAX) if one.name == "microseconds" else (_INT32_MIN, _INT32_MAX)
            if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
                raise CastError(
                    f"the {one.name} of an Interval are an int from {low} to {high}, got {shown(value)}",
                    hint="write Interval(months=1, days=2, microseconds=3)",
                )

    def __str__(self) -> str:
        """The span in ISO 8601, as `P14M3DT1.5S`."""
        days = f"{f'{self.months}M' if self.months else ''}{f'{self.days}D' if self.days else ''}"
        if not self.microseconds:
            return f"P{days or '0D'}"
        seconds, rest = divmod(abs(self.microseconds), _SECOND)
        fraction = f".{rest:06d}".rstrip("0") if rest else ""
        return f"P{days}T{'-' if self.microseconds < 0 else ''}{seconds}{fraction}S"


# What PostgreSQL from 17 on keeps for these words, see https://www.postgresql.org/docs/17/release-17.html.
_INFINITE: Final = {
    "infinity": Interval(_INT32_MAX, _INT32_MAX, INT64_MAX),
    "-infinity": Interval(_INT32_MIN, _INT32_MIN, INT64_MIN),
}


def _interval(months: int, days: int, microseconds: int) -> Interval | None:
    if not _INT32_MIN <= months <= _INT32_MAX or not _INT32_MIN <= days <= _INT32_MAX:
        return None
    return Interval(months, days, microseconds) if INT64_MIN <= microseconds <= INT64_MAX else None


def _of_iso(text: str) -> Interval | None:
    match = _ISO.fullmatch(text) if len(text) <= _MAX_TEXT else None
    if match is None:
        return None
    sign, years, months, weeks, days, hours, minutes, minus, seconds, fraction = match.groups()
    rest = int(seconds or 0) * _SECOND + int((fraction or "0").ljust(6, "0"))
    length = (int(hours or 0) * 60 + int(minutes or 0)) * 60 * _SECOND + (-rest if minus else rest)
    turn = -1 if sign == "-" else 1
    return _interval(
        turn * (int(years or 0) * 12 + int(months or 0)),
        turn * (int(weeks or 0) * 7 + int(days or 0)),
        turn * length,
    )


def _dump_text(value: Any) -> str:
    if value.__class__ is not Interval:
        hint = "write Interval(days=…, microseconds=…)" if isinstance(value, timedelta) else "write Interval(months=1)"
        raise refused(value, "an Interval", hint=hint)
    return f"{value.months} mons {value.days} days {value.microseconds} us"


def _dump_iso(value: Any) -> str:
    _dump_text(value)
    return str(value)


def _load_iso(text: Any) -> Interval:
    found = _of_iso(text) if isinstance(text, str) else None
    if found is None:
        raise unreadable(text, "an interval as P14M3DT1.5S")
    return found


def load_postgres(text: str) -> Interval:
    """Return what PostgreSQL prints for an interval.

    Raises:
        CastError: the text is no interval, or `intervalstyle` is another.

    >>> load_postgres("1 year 2 mons -3 days +00:00:01.5")
    Interval(months=14, days=-3, microseconds=1500000)
    """
    if text in _INFINITE:
        return _INFINITE[text]
    match = _POSTGRES.fullmatch(text) if text else None
    if match is None:
        raise unreadable(text, "an interval", hint="the connection needs intervalstyle=postgres")
    years, months, days, sign, hours, minutes, seconds, fraction = match.groups()
    length = ((int(hours) * 60 + int(minutes)) * 60 + int(seconds)) * _SECOND if hours else 0
    length += int(fraction.ljust(6, "0")) if fraction else 0
    found = _interval(int(years or 0) * 12 + int(months or 0), int(days or 0), -length if sign == "-" else length)
    if found is None:
        raise unreadable(text, "an interval")
    return found


def _load_counted(value: Any) -> Interval:
    # The driver has added 30 days for each month, and nobody can take them out again.
    raise unreadable(
        value,
        "an interval with its months",
        hint="select it without `distinct` and set operations, and not inside an array: it is then read as text",
    )


class IntervalType(Scalar[Interval]):
    """Spans of the calendar: `interval`, TEXT in ISO 8601, which SQLite cannot compare.

    >>> IntervalType().cast("P1Y2M3DT4H"), IntervalType().cast("1 month")
    (Ok(Interval(months=14, days=3, microseconds=14400000000)), Err('is invalid'))
    """

    __slots__ = ()
    word: ClassVar = "interval"
    value_class: ClassVar = Interval
    codecs: ClassVar = {
        "postgres": Codec("interval", _dump_text, _load_counted, text_load=load_postgres, sent_as="text"),
        "sqlite": Codec("TEXT", _dump_iso, _load_iso, compares="nothing"),
    }
    form: ClassVar = JsonForm({"type": "string", "format": "duration"}, str)

    def cast(self, value: object) -> Ok[Interval] | Err:
        """Take an Interval, a timedelta, or ISO 8601 text as `P1Y2M3DT4H5M6.7S`."""
        if isinstance(value, Interval):
            return Ok(value)
        if isinstance(value, timedelta):
            found = _interval(0, value.days, value.seconds * _SECOND + value.microseconds)
        else:
            found = _of_iso(value) if isinstance(value, str) else None
        return Err() if found is None else Ok(found)


INTERVAL: Final = IntervalType()

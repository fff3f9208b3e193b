"""The type of spans of time: `interval`, or a number of microseconds."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, ClassVar, Final

from ectype.result import Err, Ok
from ectype.types.base import Codec, JsonForm
from ectype.types.numeric import INT64_MAX, INT64_MIN
from ectype.types.refusals import refused, unreadable
from ectype.types.scalars import Scalar

_DURATION_TEXT: Final = re.compile(
    r"([+-]?)P(?=[0-9T])(?:([0-9]{1,9})W)?(?:([0-9]{1,9})D)?"
    r"(?:T(?=[0-9])(?:([0-9]{1,9})H)?(?:([0-9]{1,9})M)?(?:([0-9]{1,9})(?:[.,]([0-9]{1,9}))?S)?)?"
)
_MAX_TEXT: Final = 80

_INTERVAL_TEXT: Final = re.compile(
    r"(?:(-?[0-9]+) days?)? ?(?:([+-]?)([0-9]+):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,6}))?)?"
)


def _dump_duration(value: Any) -> timedelta:
    if value.__class__ is timedelta:
        return value
    if isinstance(value, timedelta):
        return timedelta(value.days, value.seconds, value.microseconds)
    raise refused(value, "a timedelta", hint="write timedelta(seconds=…), or cast it through a changeset")


def _dump_microseconds(value: Any) -> int:
    span = _dump_duration(value)
    number = (span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds
    if INT64_MIN <= number <= INT64_MAX:
        return number
    raise refused(value, "a timedelta of at most 106,751,991 days, since SQLite stores its microseconds in 64 bits")


def _load_microseconds(value: Any) -> timedelta:
    if value.__class__ is int:
        return timedelta(0, 0, value)
    raise unreadable(value, "a duration, stored as an integer of microseconds")


def load_interval(text: str) -> timedelta:
    """Return the timedelta of what PostgreSQL prints for an interval, as `1 day 02:03:04.5`.

    The driver's own decoding takes longer, and counts a month as 30 days.

    Raises:
        CastError: the interval has months or years, which have no length, or more days than a timedelta.

    >>> load_interval("-1 days +00:00:00.5")
    datetime.timedelta(days=-1, microseconds=500000)
    """
    match = _INTERVAL_TEXT.fullmatch(text)
    if match is None or not text:
        raise unreadable(
            text,
            "an interval of days and shorter units",
            hint="months and years have no fixed length: store days, or make the column text",
        )
    days, sign, hours, minutes, seconds, fraction = match.groups()
    try:
        length = (int(hours) * 60 + int(minutes)) * 60 + int(seconds) if hours else 0
        parts = int(fraction.ljust(6, "0")) if fraction else 0
        if sign == "-":
            length, parts = -length, -parts
        return timedelta(int(days) if days else 0, length, parts)
    except OverflowError:
        raise unreadable(text, "an interval that a timedelta can hold") from None


def _iso(value: timedelta) -> str:
    sign, span = ("-" if value.days < 0 else ""), abs(value)
    seconds = f"{span.seconds}.{span.microseconds:06d}".rstrip("0").rstrip(".")
    return f"{sign}P{span.days}D" + (f"T{seconds}S" if span.seconds or span.microseconds else "")


class Duration(Scalar[timedelta]):
    """Spans of time: `interval`, INTEGER of microseconds.

    >>> Duration().cast("PT1H30M"), Duration().cast("P1M")
    (Ok(datetime.timedelta(seconds=5400)), Err('is invalid'))
    """

    __slots__ = ()
    word: ClassVar = "duration"
    value_class: ClassVar = timedelta
    codecs: ClassVar = {
        "postgres": Codec("interval", _dump_duration, text_load=load_interval),
        "sqlite": Codec("INTEGER", _dump_microseconds, _load_microseconds),
    }
    form: ClassVar = JsonForm({"type": "string", "format": "duration"}, _iso)

    def cast(self, value: object) -> Ok[timedelta] | Err:
        """Take a timedelta, or ISO 8601 text of weeks, days, hours, minutes and seconds, as `P2W` or `-P1DT0.5S`.

        Years and months have no fixed length, and a bare number has no unit: both are refused.
        """
        if isinstance(value, timedelta):
            return Ok(value)
        match = _DURATION_TEXT.fullmatch(value) if isinstance(value, str) and len(value) <= _MAX_TEXT else None
        if match is None:
            return Err()
        sign, weeks, days, hours, minutes, seconds, fraction = match.groups()
        try:
            span = timedelta(
                weeks=int(weeks or 0),
                days=int(days or 0),
                hours=int(hours or 0),
                minutes=int(minutes or 0),
                seconds=int(seconds or 0),
                microseconds=int((fraction or "0").ljust(6, "0")[:6]),
            )
            return Ok(-span if sign == "-" else span)
        except OverflowError:
            return Err()


DURATION: Final = Duration()

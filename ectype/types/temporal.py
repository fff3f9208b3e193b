"""The types of days and times: dates, times of a day, and aware timestamps in UTC.

`cast` takes ISO 8601 as Ecto does (https://hexdocs.pm/ecto/Ecto.Type.html), in the forms that people and browsers
write, ASCII only; no week dates, ordinals, basic forms or numbers. Two departures from Ecto: microseconds are kept,
and a timestamp is aware, always in UTC. SQLite holds text whose order is the order of time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from operator import attrgetter
from typing import Any, ClassVar, Final, cast

from ectype.errors import CastError
from ectype.result import Err, Ok
from ectype.types.base import Codec, JsonForm, Many, plain
from ectype.types.beyond import INFINITIES, BeyondDate, BeyondDateTime, BeyondTime
from ectype.types.columns import ColumnValues
from ectype.types.numeric import whole_number
from ectype.types.refusals import refused, unreadable
from ectype.types.scalars import CAST_FIRST, Scalar

_DATE: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME: Final = r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]{1,9})?)?"
_OFFSET: Final = r"(?:Z|[+-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?)"
_DATE_TEXT: Final = re.compile(_DATE)
_TIME_TEXT: Final = re.compile(_TIME)
_DATETIME_TEXT: Final = re.compile(f"{_DATE}[T ]{_TIME}({_OFFSET})?")
_MAX_TEXT: Final = 80

# What the driver stores as `infinity`, so that a finite value would come back as an infinite one.
_FIRST_DATE: Final = date.min
_LAST_DATE: Final = date.max
_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)

_AWARE: Final = "has no time zone: write value.replace(tzinfo=UTC), or datetime.now(UTC)"


# --- Date -------------------------------------------------------------------------------------------------------------


def _dump_date(value: Any) -> date:
    if value.__class__ is date and _FIRST_DATE < value < _LAST_DATE:
        return value
    if value.__class__ is BeyondDate and value.text in INFINITIES:
        return _LAST_DATE if value.text == "infinity" else _FIRST_DATE
    value = _plain_date(value)
    if _FIRST_DATE < value < _LAST_DATE:
        return value
    raise refused(value, "a date that PostgreSQL does not take for an infinite one", hint="store None, or a day less")


def _dump_date_text(value: Any) -> str:
    return _plain_date(value).isoformat()


def _plain_date(value: Any) -> date:
    if isinstance(value, datetime):
        raise refused(value, "a date, not a datetime", hint="write value.date()")
    if isinstance(value, BeyondDate):
        raise refused(value, "a date of the years 1 to 9999")
    if not isinstance(value, date):
        raise refused(value, "a date", hint=CAST_FIRST)
    return value if value.__class__ is date else date(value.year, value.month, value.day)


def _load_date(text: Any) -> date:
    try:
        return date.fromisoformat(text)
    except (TypeError, ValueError):
        raise unreadable(text, "a date as 2026-11-01") from None


_BEYOND_DATE: Final = re.compile(r"-?infinity|[0-9]{4,7}-[0-9]{2}-[0-9]{2}(?: BC)?")


def slow_date(text: str) -> date:
    """Return the date of any text that PostgreSQL prints for one; outside the years 1 to 9999 a `BeyondDate`.

    Raises:
        CastError: the text is no date, or `datestyle` is not ISO.

    >>> slow_date("infinity")
    BeyondDate.of('infinity')
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        if _BEYOND_DATE.fullmatch(text):
            return BeyondDate.of(text)
        raise unreadable(text, "a date", hint="the connection needs datestyle=ISO") from None


def _iso(value: Any) -> str:
    text: str | None = getattr(value, "text", None)
    return value.isoformat() if text is None else text


class Date(Scalar[date]):
    """Days: `date`, TEXT as `2026-11-01`.

    >>> Date().cast("2026-11-01"), Date().cast("2026-W44-7")
    (Ok(datetime.date(2026, 11, 1)), Err('is invalid'))
    """

    __slots__ = ()
    word: ClassVar = "date"
    value_class: ClassVar = date
    codecs: ClassVar = {
        "postgres": Codec("date", _dump_date, text_load=date.fromisoformat, text_load_slow=slow_date),
        "sqlite": Codec("TEXT", _dump_date_text, _load_date),
    }
    form: ClassVar = JsonForm({"type": "string", "format": "date"}, _iso)

    def cast(self, value: object) -> Ok[date] | Err:
        """Take a date, the date of a datetime, text of either, or a mapping of `year`, `month` and `day`.

        A mapping whose three values are all empty gives None, as a form with three empty inputs means.
        """
        if isinstance(value, str):
            return _cast_date_text(value)
        if isinstance(value, datetime):
            return Ok(value.date())
        if isinstance(value, date):
            return Ok(value)
        if isinstance(value, Mapping):
            return _cast_parts(cast("Mapping[Any, Any]", value), ("year", "month", "day"), _date_of)
        return Err()

    def equal(self, left: date, right: date) -> bool:
        """Compare days; two days beyond Python's years by their text."""
        return _same_text(left, right) and left == right


def _cast_date_text(text: str) -> Ok[date] | Err:
    if len(text) > _MAX_TEXT:
        return Err()
    try:
        if _DATE_TEXT.fullmatch(text):
            return Ok(date.fromisoformat(text))
        if _DATETIME_TEXT.fullmatch(text):
            return Ok(datetime.fromisoformat(text).date())
    except ValueError:
        pass
    return Err()


# --- Time -------------------------------------------------------------------------------------------------------------


def _dump_time(value: Any) -> time:
    if value.__class__ is time and value.tzinfo is None:
        return value
    if isinstance(value, BeyondTime) or not isinstance(value, time):
        raise refused(value, "a time of a day", hint=CAST_FIRST)
    if value.tzinfo is not None:
        raise refused(value, "a time without a time zone", hint="write value.replace(tzinfo=None), or store a datetime")
    return time(value.hour, value.minute, value.second, value.microsecond)


def _dump_time_text(value: Any) -> str:
    return _dump_time(value).isoformat("microseconds")


def _load_time(text: Any) -> time:
    try:
        return time.fromisoformat(text)
    except (TypeError, ValueError):
        raise unreadable(text, "a time as 09:02:03.123456") from None


def slow_time(text: str) -> time:
    """Return the time of any text that PostgreSQL prints for one; `24:00:00` is a `BeyondTime`.

    Raises:
        CastError: the text is no time.

    >>> slow_time("24:00:00")
    BeyondTime.of('24:00:00')
    """
    if text == "24:00:00":
        return BeyondTime.of(text)
    return _load_time(text)


class Time(Scalar[time]):
    """Times of a day, without a time zone: `time`, TEXT as `09:02:03.123456`.

    >>> Time().cast("09:02"), Time().cast("09:02+01:00")
    (Ok(datetime.time(9, 2)), Err('is invalid'))
    """

    __slots__ = ()
    word: ClassVar = "time"
    value_class: ClassVar = time
    codecs: ClassVar = {
        "postgres": Codec("time", _dump_time, text_load=time.fromisoformat, text_load_slow=slow_time),
        "sqlite": Codec("TEXT", _dump_time_text, _load_time),
    }
    form: ClassVar = JsonForm({"type": "string", "format": "time"}, _iso)

    def cast(self, value: object) -> Ok[time] | Err:
        """Take a time without a zone, text as `09:02`, `09:02:03` or `09:02:03.5`, or a mapping.

        The mapping has `hour` and `minute`, and may have `second` and `microsecond`; with both empty it gives None.
        """
        if isinstance(value, str):
            if len(value) > _MAX_TEXT or not _TIME_TEXT.fullmatch(value):
                return Err()
            return Ok(time.fromisoformat(value))
        if isinstance(value, time):
            return Ok(value) if value.tzinfo is None else Err("has a time zone: write value.replace(tzinfo=None)")
        if isinstance(value, Mapping):
            return _cast_parts(cast("Mapping[Any, Any]", value), ("hour", "minute"), _time_of)
        return Err()


# --- DateTime ---------------------------------------------------------------------------------------------------------


@plain(
    "{v}.__class__ is datetime and {v}.tzinfo is UTC and first_moment < {v} < last_moment",
    datetime=datetime,
    UTC=UTC,
    first_moment=_FIRST,
    last_moment=_LAST,
)
def _dump_datetime(value: Any) -> datetime:
    if value.__class__ is datetime and value.tzinfo is UTC and _FIRST < value < _LAST:
        return value
    if value.__class__ is BeyondDateTime and value.text in INFINITIES:
        return _LAST if value.text == "infinity" else _FIRST
    value = _to_utc(value)
    if _FIRST < value < _LAST:
        return value
    raise refused(
        value, "a datetime that PostgreSQL does not take for an infinite one", hint="store None, or a microsecond less"
    )


def _dump_datetime_text(value: Any) -> str:
    if value.__class__ is not datetime or value.tzinfo is not UTC:
        value = _to_utc(value)
    # strftime does not pad years below 1000, and isoformat asks the zone for its offset.
    return "%04d-%02d-%02d %02d:%02d:%02d.%06d" % (  # noqa: UP031  # half the time of an f-string
        value.year,
        value.month,
        value.day,
        value.hour,
        value.minute,
        value.second,
        value.microsecond,
    )


def _dump_datetimes(column: ColumnValues) -> list[Any] | None:
    if not _is_in_utc(column):
        return None
    moments = column.present
    # Rows that are written together have one moment, mostly, and to see that is sooner done than to compare.
    different = moments[:1] if moments.count(moments[0]) == len(moments) else moments
    return None if _FIRST in different or _LAST in different else column.values


def _dump_datetime_texts(column: ColumnValues) -> list[Any] | None:
    if not _is_in_utc(column):
        return None
    texts = {value: _dump_datetime_text(value) for value in set(column.present)}
    return list(map(texts.get, column.values))


_zone: Final = attrgetter("tzinfo")


def _is_in_utc(column: ColumnValues) -> bool:
    """Whether each value is a datetime, and of no subclass, in UTC."""
    return column.kind is datetime and list(map(_zone, column.present)).count(UTC) == len(column.present)


def _to_utc(value: Any) -> datetime:
    if isinstance(value, BeyondDateTime):
        raise refused(value, "a datetime of the years 1 to 9999")
    if not isinstance(value, datetime):
        raise refused(value, "an aware datetime", hint=CAST_FIRST)
    if value.utcoffset() is None:
        raise refused(value, "an aware datetime", hint=f"it {_AWARE}")
    try:
        moved = value.astimezone(UTC)
    except OverflowError:
        raise refused(value, "a datetime of the years 1 to 9999 in UTC") from None
    return moved if moved.__class__ is datetime else datetime.combine(moved.date(), moved.time(), UTC)


def _load_datetime(text: Any) -> datetime:
    try:
        return datetime.fromisoformat(text + "+00:00")
    except (TypeError, ValueError):
        raise unreadable(text, "a timestamp in UTC, as 2026-11-01 09:02:03.123456") from None


_INFINITE: Final = {datetime.max: "infinity", datetime.min: "-infinity"}
"""How the driver gives the infinities, which cannot even be compared with its other values."""


def _load_timestamp(value: Any) -> Any:
    if value.tzinfo is not None:
        return value
    # What else has no zone is a `timestamp`, which is one in UTC, as where it is read as text.
    text = _INFINITE.get(value)
    return value.replace(tzinfo=UTC) if text is None else BeyondDateTime.of(text)


_BEYOND_TIMESTAMP: Final = re.compile(
    r"-?infinity|[0-9]{4,7}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?\+00(?: BC)?"
)


def slow_timestamp(text: str) -> datetime:
    """Return the timestamp of any text that PostgreSQL prints for one with `datestyle=ISO` and `timezone=UTC`.

    `infinity`, years before Christ and years above 9999 become a `BeyondDateTime`.

    Raises:
        CastError: the text is no timestamp, or the connection's settings are others.

    >>> slow_timestamp("10000-01-01 00:00:00+00")
    BeyondDateTime.of('10000-01-01 00:00:00+00')
    """
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        if _BEYOND_TIMESTAMP.fullmatch(text):
            return BeyondDateTime.of(text)
        raise unreadable(text, "a timestamp", hint="the connection needs datestyle=ISO and timezone=UTC") from None


def _iso_in_utc(value: Any) -> str:
    return _iso(value).replace("+00:00", "Z")


_USUAL_TEXT: Final = re.compile(rf"{_DATE}[T ]{_TIME}Z").fullmatch


def _usual_datetime(value: Any) -> datetime | None:
    if value.__class__ is datetime:
        return value if value.tzinfo is UTC else None
    if value.__class__ is not str or len(value) > _MAX_TEXT or not _USUAL_TEXT(value):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo is UTC else None


class DateTime(Scalar[datetime]):
    """Points in time, aware and in UTC: `timestamptz`, TEXT as `2026-11-01 09:02:03.123456`, always 26 characters.

    >>> DateTime().cast("2026-11-01T10:02:03+01:00")
    Ok(datetime.datetime(2026, 11, 1, 9, 2, 3, tzinfo=datetime.timezone.utc))
    """

    __slots__ = ()
    word: ClassVar = "datetime"
    value_class: ClassVar = datetime
    codecs: ClassVar = {
        "postgres": Codec(
            "timestamptz",
            _dump_datetime,
            _load_timestamp,
            text_load=datetime.fromisoformat,
            text_load_slow=slow_timestamp,
            many=Many(_dump_datetimes),
        ),
        "sqlite": Codec(
            "TEXT",
            _dump_datetime_text,
            _load_datetime,
            inline="{parse}({v} + '+00:00')",
            names={"parse": datetime.fromisoformat},
            many=Many(_dump_datetime_texts),
        ),
    }
    form: ClassVar = JsonForm({"type": "string", "format": "date-time"}, _iso_in_utc)
    quick: ClassVar = _usual_datetime

    def cast(self, value: object) -> Ok[datetime] | Err:
        """Take an aware datetime, text, or a mapping of the parts; all come out in UTC.

        Text is ISO 8601 with `T` or a space, seconds optional, fractions cut to microseconds; without an offset it is
        in UTC. The mapping has `year`, `month`, `day`, `hour` and `minute`, and may have `second` and `microsecond`;
        with all five empty it gives None. A naive datetime object is refused: what it means is not known.
        """
        if isinstance(value, str):
            return _cast_datetime_text(value)
        if isinstance(value, datetime):
            return _cast_datetime(value)
        if isinstance(value, Mapping):
            return _cast_parts(
                cast("Mapping[Any, Any]", value), ("year", "month", "day", "hour", "minute"), _datetime_of
            )
        return Err()

    def equal(self, left: datetime, right: datetime) -> bool:
        """Compare instants.

        Python's `==` does not, where a clock is set back: an ambiguous time of one zone equals nothing in another
        (PEP 495), and equals its own twin an hour later.
        """
        return _same_text(left, right) and _instant(left) == _instant(right)


def _instant(value: datetime) -> datetime:
    offset = value.utcoffset()
    try:
        return value if offset is None or value.tzinfo is UTC else value.replace(tzinfo=UTC) - offset
    except OverflowError:
        return value


def _same_text(left: object, right: object) -> bool:
    # Two values beyond Python compare as one and the same end of time.
    return getattr(left, "text", None) == getattr(right, "text", None)


def _cast_datetime_text(text: str) -> Ok[datetime] | Err:
    match = _DATETIME_TEXT.fullmatch(text) if len(text) <= _MAX_TEXT else None
    if match is None:
        return Err()
    try:
        found = datetime.fromisoformat(text)
        return Ok(found.replace(tzinfo=UTC) if match[1] is None else found.astimezone(UTC))
    except (ValueError, OverflowError):
        return Err()


def _cast_datetime(value: datetime) -> Ok[datetime] | Err:
    if value.tzinfo is UTC:
        return Ok(value)
    if value.utcoffset() is None:
        return Err(_AWARE)
    try:
        return Ok(_to_utc(value))
    except CastError:
        return Err()


# --- parts of a form --------------------------------------------------------------------------------------------------


def _cast_parts(parts: Mapping[Any, Any], needed: tuple[str, ...], build: Any) -> Any:
    """Build a value from the inputs of a form; None when all that is needed is there and empty."""
    if any(name not in parts for name in needed):
        return Err()
    if all(_is_empty(parts[name]) for name in needed):
        return Ok(None)
    try:
        return Ok(build(parts))
    except (ValueError, OverflowError):
        return Err()


def _is_empty(value: object) -> bool:
    return value is None or value == ""


def _date_of(parts: Mapping[Any, Any]) -> date:
    return date(_part(parts, "year"), _part(parts, "month"), _part(parts, "day"))


def _time_of(parts: Mapping[Any, Any]) -> time:
    return time(_part(parts, "hour"), _part(parts, "minute"), _part(parts, "second", 0), _part(parts, "microsecond", 0))


def _datetime_of(parts: Mapping[Any, Any]) -> datetime:
    return datetime.combine(_date_of(parts), _time_of(parts), UTC)


def _part(parts: Mapping[Any, Any], name: str, default: int | None = None) -> int:
    value = parts.get(name)
    if default is not None and _is_empty(value):
        return default
    number = whole_number(value)
    if number is None:
        raise ValueError(name)
    return number


DATE: Final = Date()
TIME: Final = Time()
DATETIME: Final = DateTime()

import time as time_module
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectype.errors import CastError
from ectype.result import Err, Ok
from ectype.types.base import Target
from ectype.types.beyond import BeyondDate, BeyondDateTime, BeyondTime
from ectype.types.temporal import DATE, DATETIME, TIME, slow_date, slow_time, slow_timestamp

BOTH: tuple[Target, ...] = ("postgres", "sqlite")
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
WEST = timezone(timedelta(hours=-8))
EAST = timezone(timedelta(hours=14))


class Stamp(datetime):
    pass


class Day(date):
    pass


class Clock(time):
    pass


class Nowhere(tzinfo):
    def utcoffset(self, _: datetime | None) -> None:
        return None


DATES = [
    ("2026-11-01", date(2026, 11, 1)),
    ("0001-01-01", date(1, 1, 1)),
    ("9999-12-31", date(9999, 12, 31)),
    ("2024-02-29", date(2024, 2, 29)),
    ("2026-11-01T23:59:59", date(2026, 11, 1)),
    ("2026-11-01 23:59", date(2026, 11, 1)),
    ("2026-11-01T23:59:59.5+02:00", date(2026, 11, 1)),
    (date(2026, 11, 1), date(2026, 11, 1)),
    (datetime(2026, 11, 1, 23), date(2026, 11, 1)),
    ({"year": 2026, "month": 11, "day": 1}, date(2026, 11, 1)),
    ({"year": "2026", "month": "11", "day": "01", "other": "x"}, date(2026, 11, 1)),
    ({"year": "", "month": "", "day": None}, None),
]
NO_DATES = [
    "",
    "2026-11-1",
    "2026-1-01",
    "26-11-01",
    "20261101",
    "2026-W44-7",
    "2026-305",
    "2026-13-01",
    "2026-02-30",
    "2025-02-29",
    "0000-01-01",
    "-2026-11-01",
    "+2026-11-01",
    "10000-01-01",
    "2026/11/01",
    "2026-11-01\n",
    " 2026-11-01",
    "２026-11-01",
    "2026-11-01x",
    "2026-11-01T25:00",
    "2026-02-30T10:00",
    "2026-11-01T10",
    "infinity",
    "today",
    1700000000,
    20261101.0,
    {"year": 2026, "month": 11},
    {"year": "", "month": "11", "day": "1"},
    {"year": "x", "month": "11", "day": "1"},
    {"year": True, "month": 11, "day": 1},
    {"year": 10**30, "month": 11, "day": 1},
    {"year": 2026, "month": 2, "day": 30},
    {"year": [], "month": {}, "day": 1},
    time(1),
    None,
    [2026, 11, 1],
]


@pytest.mark.parametrize(("value", "expected"), DATES)
def test_a_date_is_cast_from_iso_text_dates_and_forms(value: object, expected: date | None) -> None:
    result = DATE.cast(value)
    assert result == Ok(expected)
    assert isinstance(result, Ok)
    assert result.value.__class__ is expected.__class__


@pytest.mark.parametrize("value", NO_DATES, ids=repr)
def test_nothing_else_is_cast_to_a_date(value: object) -> None:
    assert DATE.cast(value) == Err("is invalid")


TIMES = [
    ("09:02", time(9, 2)),
    ("09:02:03", time(9, 2, 3)),
    ("09:02:03.5", time(9, 2, 3, 500_000)),
    ("09:02:03,123456", time(9, 2, 3, 123_456)),
    ("09:02:03.123456789", time(9, 2, 3, 123_456)),
    ("23:59:59.999999", time.max),
    ("00:00", time.min),
    (time(9, 2), time(9, 2)),
    ({"hour": "9", "minute": 2}, time(9, 2)),
    ({"hour": 9, "minute": 2, "second": "3", "microsecond": "4"}, time(9, 2, 3, 4)),
    ({"hour": 9, "minute": 2, "second": "", "microsecond": None}, time(9, 2)),
    ({"hour": "", "minute": None}, None),
]
NO_TIMES = [
    "",
    "9:02",
    "09",
    "0902",
    "24:00",
    "24:00:00",
    "23:60",
    "23:59:60",
    "09:02:03.",
    "09:02:03.1234567890",
    "T09:02",
    "09:02Z",
    "09:02+01:00",
    "09:02:03 ",
    "０9:02",
    "09:02\n",
    "9am",
    {"hour": 24, "minute": 0},
    {"hour": "x", "minute": 0},
    {"hour": 1},
    {"hour": "", "minute": 1},
    {"hour": 1, "minute": 1, "second": "x"},
    datetime(2026, 1, 1),
    540,
    None,
]


@pytest.mark.parametrize(("value", "expected"), TIMES)
def test_a_time_is_cast_from_iso_text_times_and_forms(value: object, expected: time | None) -> None:
    assert TIME.cast(value) == Ok(expected)


@pytest.mark.parametrize("value", NO_TIMES, ids=repr)
def test_nothing_else_is_cast_to_a_time(value: object) -> None:
    assert TIME.cast(value) == Err("is invalid")


def test_a_time_with_a_zone_is_refused_with_the_fix() -> None:
    assert TIME.cast(time(9, tzinfo=UTC)) == Err("has a time zone: write value.replace(tzinfo=None)")


DATETIMES = [
    ("2026-11-01T12:00:00Z", NOON),
    ("2026-11-01 12:00:00Z", NOON),
    ("2026-11-01T12:00", NOON),
    ("2026-11-01T12:00:00", NOON),
    ("2026-11-01T13:00:00+01:00", NOON),
    ("2026-11-01T04:00:00-0800", NOON),
    ("2026-11-02T02:00+14", NOON),
    ("2026-11-01T12:00:00.123456Z", NOON.replace(microsecond=123_456)),
    ("2026-11-01T12:00:00,5", NOON.replace(microsecond=500_000)),
    ("2026-11-01T12:00:00.1234567Z", NOON.replace(microsecond=123_456)),
    ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
    (NOON, NOON),
    (NOON.astimezone(WEST), NOON),
    (NOON.astimezone(ZoneInfo("Europe/Berlin")), NOON),
    (Stamp(2026, 11, 1, 12, tzinfo=UTC), NOON),
    ({"year": "2026", "month": "11", "day": "1", "hour": "12", "minute": "0"}, NOON),
    ({"year": 2026, "month": 11, "day": 1, "hour": 12, "minute": 0, "second": 0, "microsecond": 0}, NOON),
    (dict.fromkeys(("year", "month", "day", "hour", "minute"), ""), None),
]
NO_DATETIMES = [
    "",
    "2026-11-01",
    "2026-11-01T",
    "2026-11-01T12",
    "2026-11-01t12:00:00z",
    "2026-11-01  12:00",
    "2026-11-01T24:00:00",
    "2026-11-01T12:60",
    "2026-11-01T23:59:60Z",
    "2026-02-30T12:00",
    "2026-11-01T12:00:00+24:00",
    "2026-11-01T12:00:00+1",
    "2026-11-01T12:00:00+01:00:30",
    "2026-11-01T12:00:00 UTC",
    "2026-11-01T12:00:00Z\n",
    "20261101T120000Z",
    "2026-W44-7T12:00",
    "２026-11-01T12:00",
    "-2026-11-01T12:00",
    "0001-01-01T00:00:00+01:00",
    "9999-12-31T23:59:59-01:00",
    "1700000000",
    "now",
    "infinity",
    1700000000,
    1.7e9,
    date(2026, 11, 1),
    datetime.min.replace(tzinfo=EAST),
    datetime.max.replace(tzinfo=WEST),
    {"year": 2026, "month": 11, "day": 1},
    {"year": 2026, "month": 11, "day": 1, "hour": 25, "minute": 0},
    None,
]


@pytest.mark.parametrize(("value", "expected"), DATETIMES)
def test_a_datetime_is_cast_to_utc_from_iso_text_aware_datetimes_and_forms(value: object, expected: datetime) -> None:
    result = DATETIME.cast(value)
    assert result == Ok(expected)
    assert isinstance(result, Ok)
    assert expected is None or result.value.tzinfo is UTC


@pytest.mark.skipif(not hasattr(time_module, "tzset"), reason="the zone of the process cannot be set here")
@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Los_Angeles"])
def test_the_zone_of_the_machine_has_no_say(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", zone)
    time_module.tzset()
    try:
        for value, expected in DATETIMES:
            assert DATETIME.cast(value) == Ok(expected)
        for target in BOTH:
            codec = DATETIME.codec(target)
            assert codec.load is not None
            assert codec.dump(NOON.astimezone(WEST)) == codec.dump(NOON)
        assert DATETIME.codec("sqlite").dump(NOON) == "2026-11-01 12:00:00.000000"
    finally:
        monkeypatch.undo()
        time_module.tzset()


@pytest.mark.parametrize("value", NO_DATETIMES, ids=repr)
def test_nothing_else_is_cast_to_a_datetime(value: object) -> None:
    assert DATETIME.cast(value) == Err("is invalid")


@pytest.mark.parametrize("value", [datetime(2026, 11, 1), datetime(2026, 11, 1, tzinfo=Nowhere())])
def test_a_naive_datetime_is_refused_with_the_fix(value: datetime) -> None:
    result = DATETIME.cast(value)
    assert isinstance(result, Err)
    assert "value.replace(tzinfo=UTC)" in result.message
    for target in BOTH:
        with pytest.raises(CastError, match=r"expected an aware datetime.*\n\n.*value.replace\(tzinfo=UTC\)"):
            DATETIME.codec(target).dump(value)


@given(st.datetimes(timezones=st.timezones() | st.just(UTC)))
def test_the_iso_text_of_an_aware_datetime_is_cast_to_the_same_instant(value: datetime) -> None:
    try:
        expected = value.astimezone(UTC)
    except OverflowError:
        assert DATETIME.cast(value) == Err("is invalid")
        return
    if value.utcoffset() % timedelta(minutes=1) == timedelta(0):  # type: ignore[operator]
        assert DATETIME.cast(value.isoformat()) == Ok(expected)
    assert DATETIME.cast(value) == Ok(expected)


REFUSED: list[tuple[Any, Any, str]] = [
    (DATE, NOON, r"not a datetime.*\n\n.*value.date\(\)"),
    (DATE, "2026-11-01", "expected a date, got '2026-11-01'"),
    (DATE, None, "expected a date"),
    (DATE, BeyondDate.of("10000-01-01"), r"of the years 1 to 9999, got BeyondDate.of\('10000-01-01'\)"),
    (TIME, "09:02", "expected a time of a day"),
    (TIME, time(9, tzinfo=UTC), r"without a time zone.*\n\n.*value.replace\(tzinfo=None\)"),
    (TIME, Clock(9, tzinfo=UTC), "without a time zone"),
    (TIME, BeyondTime.of("24:00:00"), "expected a time of a day"),
    (DATETIME, "2026-11-01T12:00:00Z", "expected an aware datetime, got '2026"),
    (DATETIME, date(2026, 11, 1), "expected an aware datetime"),
    (DATETIME, 1700000000, "expected an aware datetime"),
    (DATETIME, datetime.min.replace(tzinfo=EAST), "of the years 1 to 9999 in UTC"),
    (DATETIME, datetime.max.replace(tzinfo=WEST), "of the years 1 to 9999 in UTC"),
    (DATETIME, BeyondDateTime.of("10000-01-01 00:00:00+00"), "of the years 1 to 9999"),
]


@pytest.mark.parametrize("target", BOTH)
@pytest.mark.parametrize(("type_", "value", "message"), REFUSED, ids=repr)
def test_a_time_is_stored_as_it_is_or_refused(type_: Any, value: object, message: str, target: Target) -> None:
    with pytest.raises(CastError, match=f"(?s){message}"):
        type_.codec(target).dump(value)


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (DATE, date.max),
        (DATE, date.min),
        (DATE, Day.max),
        (DATETIME, datetime.max.replace(tzinfo=UTC)),
        (DATETIME, datetime.min.replace(tzinfo=UTC)),
        (DATETIME, datetime.max.replace(tzinfo=timezone(timedelta(0), "GMT"))),
    ],
)
def test_the_ends_of_time_are_refused_where_the_driver_would_store_infinity(type_: Any, value: Any) -> None:
    with pytest.raises(CastError, match="infinite one"):
        type_.codec("postgres").dump(value)
    assert str(type_.codec("sqlite").dump(value)).startswith(("9999-12-31", "0001-01-01"))


def test_infinities_that_were_loaded_are_stored_as_infinities_again() -> None:
    for text, end in (("infinity", "max"), ("-infinity", "min")):
        assert DATE.codec("postgres").dump(BeyondDate.of(text)) == getattr(date, end)
        assert DATETIME.codec("postgres").dump(BeyondDateTime.of(text)) == getattr(datetime, end).replace(tzinfo=UTC)
        for type_, value in ((DATE, BeyondDate.of(text)), (DATETIME, BeyondDateTime.of(text))):
            with pytest.raises(CastError, match="of the years 1 to 9999"):
                type_.codec("sqlite").dump(value)


@pytest.mark.parametrize(
    "value", [NOON.astimezone(WEST), NOON.astimezone(ZoneInfo("Asia/Tokyo")), Stamp(2026, 11, 1, 12, tzinfo=UTC)]
)
def test_an_aware_datetime_is_stored_in_utc_whatever_its_zone_and_class(value: datetime) -> None:
    stored = DATETIME.codec("postgres").dump(value)
    assert (stored, stored.tzinfo, stored.__class__) == (NOON, UTC, datetime)
    assert DATETIME.codec("sqlite").dump(value) == "2026-11-01 12:00:00.000000"


def test_subclasses_of_dates_and_times_are_stored_as_plain_values() -> None:
    assert DATE.codec("postgres").dump(Day(2026, 11, 1)).__class__ is date
    assert DATE.codec("sqlite").dump(Day(2026, 11, 1)) == "2026-11-01"
    assert TIME.codec("postgres").dump(Clock(9)).__class__ is time


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_on_sqlite_the_order_of_text_is_the_order_of_time(left: datetime, right: datetime) -> None:
    dump = DATETIME.codec("sqlite").dump
    assert len(dump(left)) == len(dump(right)) == 26
    assert (dump(left) < dump(right)) == (left < right)
    assert (DATE.codec("sqlite").dump(left.date()) < DATE.codec("sqlite").dump(right.date())) == (
        left.date() < right.date()
    )
    assert (TIME.codec("sqlite").dump(left.time()) < TIME.codec("sqlite").dump(right.time())) == (
        left.time() < right.time()
    )


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (DATE, "x"),
        (DATE, 7),
        (TIME, "25:00"),
        (TIME, None),
        (DATETIME, "x"),
        (DATETIME, 7),
        (DATETIME, "2026-11-01 12:00:00+00:00"),
    ],
)
def test_what_sqlite_gives_that_is_no_time_is_named(type_: Any, value: object) -> None:
    with pytest.raises(CastError, match=r"the database gave .* which is not a"):
        type_.codec("sqlite").load(value)


def test_sqlite_timestamps_of_other_writers_load_too() -> None:
    load: Any = DATETIME.codec("sqlite").load
    assert load("2026-11-01 12:00:00") == load("2026-11-01T12:00:00.000") == NOON


@pytest.mark.parametrize(
    ("slow", "text", "expected"),
    [
        (slow_date, "2026-11-01", date(2026, 11, 1)),
        (slow_date, "infinity", BeyondDate.of("infinity")),
        (slow_date, "-infinity", BeyondDate.of("-infinity")),
        (slow_date, "0044-03-15 BC", BeyondDate.of("0044-03-15 BC")),
        (slow_date, "5874897-12-31", BeyondDate.of("5874897-12-31")),
        (slow_time, "09:02:03.5", time(9, 2, 3, 500_000)),
        (slow_time, "24:00:00", BeyondTime.of("24:00:00")),
        (slow_timestamp, "2026-11-01 12:00:00+00", NOON),
        (slow_timestamp, "-infinity", BeyondDateTime.of("-infinity")),
        (slow_timestamp, "294276-12-31 23:59:59.999999+00", BeyondDateTime.of("294276-12-31 23:59:59.999999+00")),
        (slow_timestamp, "0001-12-31 00:00:00+00 BC", BeyondDateTime.of("0001-12-31 00:00:00+00 BC")),
    ],
)
def test_the_slow_functions_read_all_that_postgres_prints(slow: Any, text: str, expected: Any) -> None:
    found = slow(text)
    assert (found, found.__class__, str(found)) == (expected, expected.__class__, str(expected))


@pytest.mark.parametrize(
    ("slow", "text"),
    [
        (slow_date, "01/11/2026"),
        (slow_time, "x"),
        (slow_timestamp, "Sun Nov 01 12:00:00 2026 UTC"),
        (slow_timestamp, "10000-01-01 00:00:00+01"),
    ],
)
def test_text_of_other_settings_is_named(slow: Any, text: str) -> None:
    with pytest.raises(CastError, match="the database gave"):
        slow(text)


def test_the_drivers_naive_infinities_become_what_the_text_gives() -> None:
    load: Any = DATETIME.codec("postgres").load
    assert load(NOON) is NOON
    assert [str(load(one)) for one in (datetime.max, datetime.min)] == ["infinity", "-infinity"]
    assert load(datetime.max) > NOON > load(datetime.min)


def test_the_columns_are_those_of_the_storage_table() -> None:
    types = (DATE, TIME, DATETIME)
    assert [one.codec("postgres").column for one in types] == ["date", "time", "timestamptz"]
    assert [one.codec("sqlite").column for one in types] == ["TEXT", "TEXT", "TEXT"]
    assert [(one.name, one.python) for one in types] == [("date", date), ("time", time), ("datetime", datetime)]


def test_datetimes_are_compared_as_instants_where_python_does_not() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    first = datetime(2026, 10, 25, 2, 30, tzinfo=berlin)
    second = first.replace(fold=1)
    assert first == second
    assert not DATETIME.equal(first, second)
    for one in (first, second):
        assert one != one.astimezone(UTC)
        assert DATETIME.equal(one, one.astimezone(UTC))
        assert DATETIME.cast(one) == Ok(one.astimezone(UTC))
    assert DATETIME.equal(NOON, NOON.astimezone(WEST))
    assert not DATETIME.equal(NOON, NOON.replace(tzinfo=WEST))
    assert not DATETIME.equal(NOON, NOON.replace(tzinfo=None))
    early = datetime.min.replace(tzinfo=EAST)
    assert DATETIME.equal(early, early)


def test_values_beyond_python_are_compared_by_their_text() -> None:
    instants = [BeyondDateTime.of(text) for text in ("infinity", "10000-01-01 00:00:00+00")]
    days = [BeyondDate.of(text) for text in ("infinity", "10000-01-01")]
    for type_, (left, right), end in ((DATETIME, instants, datetime.max.replace(tzinfo=UTC)), (DATE, days, date.max)):
        equal: Any = type_.equal
        assert equal(left, left)
        assert not equal(left, right)
        assert not equal(left, end)
    assert DATE.equal(date(2026, 11, 1), date(2026, 11, 1))
    assert not DATE.equal(date(2026, 11, 1), date(2026, 11, 2))


@pytest.mark.parametrize("type_", [DATE, TIME, DATETIME])
@pytest.mark.parametrize(
    "value",
    [
        "2026-11-01" * 100_000,
        "0" * 1_000_000,
        "09:02:03." + "1" * 1_000_000,
        {"year": "9" * 10**6, "month": 1, "day": 1, "hour": "9" * 10**6, "minute": 1},
    ],
    ids=range(4),
)
def test_hostile_times_are_refused_at_once(type_: Any, value: object, at_once: Any) -> None:
    assert type_.cast(value) == Err("is invalid")
    at_once(lambda: type_.cast(value))

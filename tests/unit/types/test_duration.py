from datetime import timedelta
from typing import Any

import pytest

from ectype.errors import CastError
from ectype.result import Err, Ok
from ectype.types.duration import DURATION, load_interval


class Span(timedelta):
    pass


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("PT0S", timedelta(0)),
        ("P2W", timedelta(weeks=2)),
        ("P1DT2H3M4S", timedelta(1, 4, 0, 0, 3, 2)),
        ("PT1.5S", timedelta(seconds=1.5)),
        ("PT1,000001S", timedelta(seconds=1, microseconds=1)),
        ("PT0.1234567S", timedelta(microseconds=123_456)),
        ("-P1DT0.5S", -timedelta(1, 0.5)),
        ("+PT90M", timedelta(minutes=90)),
        ("P999999999D", timedelta(999_999_999)),
        (timedelta(1), timedelta(1)),
    ],
)
def test_a_duration_is_cast_from_timedeltas_and_iso_text(value: object, expected: timedelta) -> None:
    assert DURATION.cast(value) == Ok(expected)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "P",
        "PT",
        "P1",
        "P1DT",
        "1D",
        "P1M",
        "P1Y",
        "P1Y2M3D",
        "p1d",
        "P1.5D",
        "PT1.5M",
        "P-1D",
        "P1D ",
        "P1D\n",
        "P１D",
        "P1D2W",
        "PT1S1M",
        "01:30:00",
        "1 day",
        "90",
        "P" + "9" * 10 + "D",
        "P999999999W",
        "-P999999999DT24H",
        90,
        1.5,
        None,
        True,
    ],
)
def test_nothing_else_is_cast_to_a_duration(value: object) -> None:
    assert DURATION.cast(value) == Err("is invalid")


@pytest.mark.parametrize("target", ["postgres", "sqlite"])
@pytest.mark.parametrize("value", [90, 1.5, "PT1S", None])
def test_only_a_timedelta_is_stored(value: object, target: Any) -> None:
    with pytest.raises(CastError, match=r"expected a timedelta.*(?s:.*)timedelta\(seconds=…\)"):
        DURATION.codec(target).dump(value)


def test_a_timedelta_that_sqlite_cannot_count_in_microseconds_is_refused() -> None:
    dump = DURATION.codec("sqlite").dump
    assert dump(timedelta(days=-1, microseconds=1)) == -86_399_999_999
    assert dump(timedelta(microseconds=2**63 - 1)) == 2**63 - 1
    for value in (timedelta(microseconds=2**63), timedelta.min):
        with pytest.raises(CastError, match="106,751,991 days"):
            dump(value)
        assert DURATION.codec("postgres").dump(value) is value


def test_a_subclass_is_stored_as_a_plain_timedelta() -> None:
    stored = DURATION.codec("postgres").dump(Span(1, 2, 3))
    assert (stored, stored.__class__) == (timedelta(1, 2, 3), timedelta)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("00:00:00", timedelta(0)),
        ("1 day", timedelta(1)),
        ("-3 days", timedelta(-3)),
        ("2 days 03:04:05.006", timedelta(2, 5, 6000, 0, 4, 3)),
        ("-1 days +00:00:00.000001", timedelta(-1, 0, 1)),
        ("1 day -02:00:00", timedelta(hours=22)),
        ("-00:00:01.5", timedelta(seconds=-1.5)),
        ("100:00:00", timedelta(hours=100)),
    ],
)
def test_an_interval_loads_from_what_postgres_prints(text: str, expected: timedelta) -> None:
    assert load_interval(text) == expected


@pytest.mark.parametrize("text", ["1 mon", "1 year 2 mons 3 days", "", "P1D", "@ 1 day", "x"])
def test_an_interval_with_months_or_of_another_style_is_named(text: str) -> None:
    with pytest.raises(CastError, match="months and years have no fixed length"):
        load_interval(text)


@pytest.mark.parametrize("text", ["2147483647 days", "999999999 days 24:00:00", "99999999999999:00:00"])
def test_an_interval_beyond_a_timedelta_is_named(text: str) -> None:
    with pytest.raises(CastError, match="a timedelta can hold"):
        load_interval(text)


def test_a_duration_of_sqlite_loads_from_integers_only() -> None:
    load: Any = DURATION.codec("sqlite").load
    assert load(-1_500_000) == timedelta(seconds=-1.5)
    with pytest.raises(CastError, match="integer of microseconds"):
        load("PT1S")


def test_the_columns_are_those_of_the_storage_table() -> None:
    assert (DURATION.codec("postgres").column, DURATION.codec("sqlite").column) == ("interval", "INTEGER")
    assert (DURATION.name, DURATION.python) == ("duration", timedelta)


@pytest.mark.parametrize("value", ["P" + "1D" * 500_000, "P" * 1_000_000, "PT" + "9" * 1_000_000 + "S"], ids=range(3))
def test_hostile_durations_are_refused_at_once(value: str, at_once: Any) -> None:
    assert DURATION.cast(value) == Err("is invalid")
    at_once(lambda: DURATION.cast(value))

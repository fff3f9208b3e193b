import copy
import pickle
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from ectype.types.beyond import BeyondDate, BeyondDateTime, BeyondTime

VALUES: list[tuple[Any, str, Any]] = [
    (BeyondDate, "infinity", date.max),
    (BeyondDate, "0044-03-15 BC", date.min),
    (BeyondDateTime, "-infinity", datetime.min.replace(tzinfo=UTC)),
    (BeyondDateTime, "10000-01-01 00:00:00+00", datetime.max.replace(tzinfo=UTC)),
    (BeyondTime, "24:00:00", time.max),
]


@pytest.mark.parametrize(("kind", "text", "nearest"), VALUES)
def test_a_value_beyond_python_prints_as_its_text_and_compares_as_the_nearest(
    kind: Any, text: str, nearest: Any
) -> None:
    value = kind.of(text)
    assert (value, str(value), f"{value}", value.text) == (nearest, text, text, text)
    assert repr(value) == f"{kind.__name__}.of({text!r})"


@pytest.mark.parametrize(("kind", "text", "nearest"), VALUES)
def test_copies_and_pickles_keep_the_text(kind: Any, text: str, nearest: Any) -> None:
    value = kind.of(text)
    made = [pickle.loads(pickle.dumps(value, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    for one in [*made, copy.copy(value), copy.deepcopy(value)]:
        assert (one.__class__, one.text, one) == (kind, text, nearest)


def test_arithmetic_and_replacing_give_plain_values_again() -> None:
    instant, day = BeyondDateTime.of("infinity"), BeyondDate.of("infinity")
    results: list[Any] = [
        instant - timedelta(1),
        instant.replace(year=2026),
        instant.__replace__(year=2026),
        instant.astimezone(UTC),
        day - timedelta(1),
        day.replace(year=2026),
        day.__replace__(year=2026),
        BeyondTime.of("24:00:00").replace(hour=1),
        BeyondTime.of("24:00:00").__replace__(hour=1),
        BeyondTime(9),
        BeyondDate.fromisoformat("2026-11-01"),
    ]
    assert [one.__class__ for one in results[:3]] == [datetime] * 3
    assert [one.__class__ for one in results[4:]] == [date, date, date, time, time, time, date]
    assert results[1] == datetime(2026, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    assert results[5] == date(2026, 12, 31)
    assert results[7] == time(1, 59, 59, 999_999)

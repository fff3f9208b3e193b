"""What is sent without a call of its type's `dump`: exactly values that the dump would have returned as they are."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ectype.types import numeric, scalars, temporal
from ectype.types.base import plain_of

MARKED = [
    numeric._dump_integer,
    numeric._dump_float,
    numeric._dump_finite,
    scalars._dump_boolean,
    scalars._dump_string,
    temporal._dump_datetime,
]


class Number(int):
    pass


class Text(str):
    __slots__ = ()


VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**65), 2**65)
    | st.floats()
    | st.text()
    | st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=2))]))
    | st.datetimes()
)


def goes_by_itself(dump: Any, value: Any) -> bool:
    known = plain_of(dump)
    assert known is not None
    condition, names = known
    return bool(eval(condition.format(v="value"), {"value": value, **names}))


@pytest.mark.parametrize("dump", MARKED, ids=lambda dump: dump.__name__)
@given(value=VALUES)
@example(value=2**63)
@example(value=-(2**63))
@example(value=float("nan"))
@example(value="a\0b")
@example(value="\ud800")
@example(value=Number(3))
@example(value=Text("x"))
@example(value=Decimal(1))
@example(value=datetime.min.replace(tzinfo=UTC))
@example(value=datetime.max.replace(tzinfo=UTC))
def test_what_goes_by_itself_is_what_its_dump_would_have_returned(dump: Any, value: Any):
    if goes_by_itself(dump, value):
        assert dump(value) is value


@pytest.mark.parametrize(
    ("dump", "value"),
    [
        (numeric._dump_integer, 7),
        (numeric._dump_float, 1.5),
        (numeric._dump_finite, 1.5),
        (scalars._dump_boolean, False),
        (scalars._dump_string, "Ada"),
        (temporal._dump_datetime, datetime(2026, 1, 2, tzinfo=UTC)),
    ],
)
def test_the_usual_values_go_by_themselves(dump: Any, value: Any):
    assert goes_by_itself(dump, value)

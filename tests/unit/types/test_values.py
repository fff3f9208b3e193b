from collections import OrderedDict
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import IntEnum
from typing import Any
from uuid import UUID

import pytest

from ectype.errors import CastError
from ectype.types.values import type_of_value


class Level(IntEnum):
    LOW = 1


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (1, "integer"),
        (Level.LOW, "integer"),
        (True, "boolean"),
        (1.5, "float"),
        ("a", "string"),
        (b"a", "binary"),
        (Decimal(1), "decimal"),
        (UUID(int=1), "uuid"),
        (datetime.now(UTC), "datetime"),
        (date(2026, 11, 1), "date"),
        (time(9), "time"),
        (timedelta(1), "duration"),
        ({"a": 1}, "json"),
        (OrderedDict(), "json"),
        ([1], "json"),
    ],
)
def test_a_bound_value_has_a_type_by_itself(value: Any, name: str) -> None:
    assert type_of_value(value).name == name


def test_a_value_that_no_database_knows_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(CastError, match=r"a set cannot be a parameter: \{1\}\n\nhint: pass a number, text"):
        type_of_value({1})

"""The type that a bound value has by itself, where nothing else gives it one."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final, cast
from uuid import UUID

from ectype.errors import CastError
from ectype.types.base import Type
from ectype.types.containers import JSON
from ectype.types.duration import DURATION
from ectype.types.numeric import DECIMAL, FLOAT, INTEGER
from ectype.types.ranges import Range, range_type_of
from ectype.types.scalars import BINARY, BOOLEAN, STRING, UUID_TYPE
from ectype.types.temporal import DATE, DATETIME, TIME

BY_CLASS: Final[dict[type[Any], Type[Any]]] = {
    int: INTEGER,
    str: STRING,
    bool: BOOLEAN,
    float: FLOAT,
    Decimal: DECIMAL,
    bytes: BINARY,
    UUID: UUID_TYPE,
    datetime: DATETIME,
    date: DATE,
    time: TIME,
    timedelta: DURATION,
    dict: JSON,
    list: JSON,
}


def type_of_value(value: object) -> Type[Any]:
    """Return the type that a value has by itself. Raises CastError for a class that no database knows.

    >>> type_of_value(3).name
    'integer'
    """
    for one in value.__class__.__mro__:
        known = BY_CLASS.get(one)
        if known is not None:
            return known
    if isinstance(value, Range):
        return range_type_of(cast("Range[Any]", value))
    raise CastError(
        f"a {value.__class__.__name__} cannot be a parameter: {value!r:.80}",
        hint="pass a number, text, bytes, a date or time, a UUID, a Decimal, or a JSON document",
    )

"""Casting values from outside: the inputs that people send, and those that are sent to hurt."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from ipaddress import IPv6Address
from typing import Annotated, Any
from uuid import UUID

from annotated_types import MaxLen

from benchmarks.harness import Competitor, Table
from ectype.types import CIText, Interval, MacAddress, Range, Type, Vector, field_type

LIMIT = 64 * 1024
"""What an input may have: far more than any value needs, and what a server takes without thinking."""


class Role(StrEnum):
    """An enum of text."""

    ADMIN = "admin"
    MEMBER = "member"


def types() -> dict[str, Type[Any]]:
    """Return every type under the name that reports give it."""
    annotations: dict[str, Any] = {
        "int": int,
        "float": float,
        "decimal": Decimal,
        "bool": bool,
        "str": str,
        "bytes": bytes,
        "uuid": UUID,
        "date": date,
        "time": time,
        "datetime": datetime,
        "timedelta": timedelta,
        "interval": Interval,
        "enum": Role,
        "address": IPv6Address,
        "range": Range[Decimal],
        "array": list[int],
        "json": dict[str, Any],
        "constrained": Annotated[str, MaxLen(10)],
    }
    found = {name: field_type(one)[0] for name, one in annotations.items()}
    return {**found, "mac": MacAddress(), "citext": CIText(), "vector": Vector(3)}


def hostile() -> dict[str, object]:
    """Return inputs of 64 KiB and less that are slow to read for a reader that does not measure them first."""
    deep: Any = []
    for _ in range(5_000):
        deep = [deep]
    return {
        "digits": "9" * LIMIT,
        "signs": "-" * LIMIT,
        "exponent": "1e" + "9" * 5,
        "long exponent": "1e" + "9" * LIMIT,
        "zeros": "0." + "0" * LIMIT + "1",
        "decimal": Decimal("1e200000"),
        "tiny decimal": Decimal("1e-200000"),
        "int": 10**60_000,
        "colons": ":" * LIMIT,
        "dots": "1." * (LIMIT // 2),
        "spaces": " " * LIMIT,
        "period": "P" + "1D" * (LIMIT // 2),
        "range": "[" + "1" * (LIMIT // 2) + "," + "2" * (LIMIT // 2) + ")",
        "quotes": '["' + '"' * LIMIT,
        "date": "2026-01-01T" + "0" * LIMIT,
        "surrogates": "\ud800" * (LIMIT // 4),
        "nuls": "\0" * LIMIT,
        "letters": "é" * (LIMIT // 2),
        "bytes": b"\xff" * LIMIT,
        "deep": deep,
        "numbers": [1] * 1_000,
    }


def _all(cast: Callable[[object], object], values: list[object]) -> Callable[[int], object]:
    def run(_i: int) -> object:
        for value in values:
            cast(value)
        return cast(values[0])

    return run


def tables() -> list[Table]:
    """A value that fits, and all hostile ones together, for the types that people use most."""
    given: dict[str, object] = {
        "int": "42",
        "decimal": "12.50",
        "datetime": "2026-11-01T09:02:03Z",
        "uuid": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "str": "Ada",
        "enum": "admin",
        "range": "[1,2)",
        "interval": "P1M2DT3S",
    }
    known = types()
    attacks = list(hostile().values())
    lines = [Competitor(name, _all(known[name].cast, [value]), sync=True) for name, value in given.items()]
    lines += [Competitor(f"{name}, hostile", _all(known[name].cast, attacks), sync=True) for name in given]
    return [Table("cast", "–", lines, lambda outcome: outcome is not None)]

"""Casting values from outside: the inputs that people send, and those that are sent to hurt."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import IntEnum, StrEnum
from ipaddress import IPv4Network, IPv6Address, IPv6Network
from sys import getsizeof
from time import perf_counter
from typing import Annotated, Any, Literal
from uuid import UUID

from annotated_types import Gt, MaxLen
from pydantic import BaseModel

from benchmarks.harness import Competitor, Table
from benchmarks.yardstick import slowness
from ectype import CustomType, Err, Ok
from ectype.types import (
    ULID,
    CIText,
    DecimalType,
    Interval,
    MacAddress,
    Range,
    Type,
    Vector,
    field_type,
    pg_enum,
)

LIMIT = 64 * 1024
"""What an input may have: far more than any value needs, and what a server takes without thinking."""


class Role(StrEnum):
    """An enum of text."""

    ADMIN = "admin"
    MEMBER = "member"


class Level(IntEnum):
    """An enum of numbers."""

    LOW = 1
    HIGH = 2


class Place(BaseModel):
    """A document."""

    town: str
    streets: list[str] = []


class Slug(CustomType[str, str]):
    """A type of an application's own."""

    def cast(self, value: object) -> Ok[str] | Err:
        """Take text in lower case."""
        return Ok(value.lower()) if isinstance(value, str) else Err()

    def dump(self, value: str) -> str:
        """Store the text."""
        return value

    def load(self, stored: str) -> str:
        """Give the text."""
        return stored


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
        "int range": Range[int],
        "date range": Range[date],
        "datetime range": Range[datetime],
        "network": IPv4Network | IPv6Network,
        "int enum": Level,
        "literal": Literal["a", "b"],
        "array": list[int],
        "text array": list[str | None],
        "decimal array": list[Decimal],
        "datetime array": list[datetime],
        "enum array": list[Role],
        "json": dict[str, Any],
        "json list": list[Any],
        "json either": dict[str, Any] | list[Any],
        "model": Place,
        "union": int | str,
        "float array": list[float],
        "bool array": list[bool],
        "nullable array": list[int | None],
        "uuid array": list[UUID],
        "grid": list[list[Decimal]],
        "bounded list": Annotated[list[int], MaxLen(1_000)],
        "constrained": Annotated[str, MaxLen(10)],
        "constrained decimal": Annotated[Decimal, Gt(0)],
    }
    found = {name: field_type(one)[0] for name, one in annotations.items()}
    named: dict[str, Type[Any]] = {
        "mac": MacAddress(),
        "citext": CIText(),
        "ulid": ULID(),
        "vector": Vector(3),
        "scaled": DecimalType(scale=2),
        "pg enum": pg_enum(Role, name="role"),
        "custom": field_type(str, given=Slug)[0],
    }
    return {**found, **named}


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
        "braces": '{"a":' * 10_000,
    }


def collections() -> dict[str, Any]:
    """Return lists and objects of 64 KiB of JSON, each of as many values as that holds."""
    return {
        "numbers": [9] * (LIMIT // 2),
        "texts": ["9"] * (LIMIT // 4),
        "floats": [1.5] * (LIMIT // 4),
        "numbers and nulls": [9, None] * (LIMIT // 7),
        "numbers and texts": [9, "9"] * (LIMIT // 6),
        "numbers, the last one wrong": [*[9] * (LIMIT // 2 - 2), "x"],
        "decimals": ["1e9"] * (LIMIT // 6),
        "prices": ["12.50"] * (LIMIT // 8),
        "booleans": [True] * (LIMIT // 5),
        "members": ["admin"] * (LIMIT // 8),
        "instants": ["2026-11-01T09:02:03Z"] * (LIMIT // 23),
        "uuids": ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"] * (LIMIT // 39),
        "nulls": [None] * (LIMIT // 5),
        "lists": [[]] * (LIMIT // 3),
        "objects": [{"a": 1}] * (LIMIT // 8),
        "keys": {str(number): number for number in range(LIMIT // 14)},
        "a list in an object": {"town": "Rome", "streets": [9] * (LIMIT // 2 - 20)},
    }


def held() -> dict[str, Any]:
    """Return the same lists and objects, each of as many values as Python holds in 64 KiB."""
    return {kind: _cut(values) for kind, values in collections().items()}


def _cut(values: Any) -> Any:
    if isinstance(values, dict):
        inner = {key: _cut(value) if isinstance(value, list) else value for key, value in values.items()}
        pairs, room = [], LIMIT
        for key, value in inner.items():
            room -= _memory(key) + _memory(value)
            if room >= 0:
                pairs.append((key, value))
        return dict(pairs)
    *most, last = values
    count = LIMIT * len(values) // _memory(values)
    return [*most[: count - 1], last] if count < len(values) else values


def _memory(value: Any) -> int:
    """Return the bytes of a value and of all in it, as if nothing were held twice."""
    inner = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    return getsizeof(value) + sum(map(_memory, inner))


def _all(cast: Callable[[object], object], values: list[object]) -> Callable[[int], object]:
    def run(_i: int) -> object:
        for value in values:
            cast(value)
        return cast(values[0])

    return run


def slowest() -> list[str]:
    """Return which inputs take longest to cast, each the best of five: values, items of lists, and whole lists.

    A single value is within a millisecond whatever it is, and so is a list or an object of 64 KiB in memory. 64 KiB
    of JSON can be twenty times that: they are within a millisecond where their items are of one kind and need no more
    than a look; items that become another value each (a text, a number, a date) take the time of making it.
    """
    attacks, known = hostile(), types()
    before = slowness()
    took = [(_best(one.cast, value), name, attack) for name, one in known.items() for attack, value in attacks.items()]
    whole = [
        (_best(one.cast, values), name, kind, len(values))
        for name, one in known.items()
        for kind, values in collections().items()
    ]
    took += [(_best(one.cast, values), name, kind) for name, one in known.items() for kind, values in held().items()]
    first = sorted(took, reverse=True)[:4]
    each = sorted([(seconds / count, name, kind) for seconds, name, kind, count in whole if count > 2], reverse=True)[
        :6
    ]
    slow = (before + slowness()) / 2
    verdict = "all within a millisecond" if first[0][0] / slow <= 0.001 else "BEYOND A MILLISECOND"
    verdict += f" of the machine of the budgets (this one takes {slow:.2f} times as long)"
    within = sum(seconds / slow <= 0.001 for seconds, *_ in whole)
    told = ", ".join(f"{name} {seconds * 1e6:.0f} µs ({attack})" for seconds, name, attack in first)
    parts = ", ".join(f"{name} {seconds * 1e6:.2f} µs ({kind})" for seconds, name, kind in each)
    lists = ", ".join(
        f"{name} {seconds * 1e3:.1f} ms ({count:,} {kind})" for seconds, name, kind, count in sorted(whole)[:-9:-1]
    )
    inputs = len(attacks) + len(held())
    json = "cast of lists and objects of 64 KiB of JSON"
    return [
        f"cast of inputs below 64 KiB, {len(known)} types × {inputs} inputs: {verdict}; slowest: {told}",
        f"{json}, a value in it: slowest: {parts}",
        f"{json}, whole: {within} of {len(whole)} within a millisecond; slowest: {lists}",
    ]


def _best(cast: Callable[[object], object], value: object) -> float:
    found = 1.0
    for _ in range(5):
        started = perf_counter()
        cast(value)
        found = min(found, perf_counter() - started)
    return found


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
    held = collections()
    lists = {
        "array": "numbers",
        "text array": "texts",
        "float array": "floats",
        "decimal array": "prices",
        "datetime array": "instants",
        "json list": "numbers",
    }
    lines = [Competitor(name, _all(known[name].cast, [value]), sync=True) for name, value in given.items()]
    lines += [Competitor(f"{name}, hostile", _all(known[name].cast, attacks), sync=True) for name in given]
    whole = [
        Competitor(f"{name} of {kind}", _all(known[name].cast, [held[kind]]), sync=True) for name, kind in lists.items()
    ]
    return [
        Table("cast", "–", lines, lambda outcome: outcome is not None),
        Table("cast of 64 KiB", "–", whole, lambda outcome: isinstance(outcome, Ok)),
    ]

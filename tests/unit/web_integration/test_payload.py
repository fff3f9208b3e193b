import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest

from ectype.web_integration.payload import PayloadError, body_of, decode_json


class Colour(Enum):
    RED = "red"


def encode(payload: Any) -> Any:
    return body_of(payload, topic="room:1", event="e")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, 6, UTC), '"2026-01-02T03:04:05.000006+00:00"'),
        (date(2026, 1, 2), '"2026-01-02"'),
        (time(3, 4), '"03:04:00"'),
        (UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        (Decimal("1.10"), '"1.10"'),
        (Colour.RED, '"red"'),
        (MappingProxyType({"a": 1}), '{"a":1}'),
        ("čau 🐎", '"čau 🐎"'),
        ("\ud800", '"\\ud800"'),
    ],
)
def test_values_beside_jsons_own_are_written_as_phoenix_writes_them(value: Any, text: str) -> None:
    assert encode({"v": value}) == f'{{"v":{text}}}'


def test_bytes_stay_bytes() -> None:
    assert encode(b"\0\1") == b"\0\1"


class User:
    pass


nested: list[Any] = []
nested.append(nested)


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        ({"users": [1, {"user": User()}]}, "payload['users'][1]['user'] is of type User"),
        ({"n": float("inf")}, "payload['n'] is inf"),
        ({"n": Decimal}, "payload['n'] is of type type"),
        ({(1, 2): 1}, "payload has a key of type tuple"),
        ({"s": {1}}, "payload['s'] is of type set"),
        ({"again": nested}, "is nested too deeply, or holds itself"),
    ],
)
def test_what_json_cannot_say_is_named_by_its_place(payload: Any, told: str) -> None:
    with pytest.raises(PayloadError) as refused:
        encode(payload)
    assert told in str(refused.value)
    assert "'e' on 'room:1'" in str(refused.value)
    assert "pick the fields" in str(refused.value)


def test_what_is_no_object_is_refused_with_the_line_to_write() -> None:
    with pytest.raises(PayloadError, match=r'\{"data": \[1\]\}'):
        encode([1])


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "[" * 50_000, "", "nul", "1" * 5000])
def test_only_json_is_read(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode_json(text)


def test_the_encoder_and_pythons_agree_on_plain_json() -> None:
    payload = {"a": [1, 2.5, None, True], "b": {"c": "ü"}}
    assert json.loads(encode(payload)) == payload

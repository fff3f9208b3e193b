"""Cursors: every value comes back as it went, and nobody but the holder of the secret makes one."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectype.errors import ConfigError, CursorError, QueryError
from ectype.query.cursors import MAX_LENGTH, Position, Slot, fingerprint_of, keys_of, read, sign
from ectype.types.enums import EnumType
from ectype.types.numeric import INTEGER
from ectype.types.values import BY_CLASS

KEY = b"k" * 16
HERE = fingerprint_of("here")


class Word(StrEnum):
    A = "a'b"


class Number(Enum):
    ONE = 1


SCALARS: dict[type, st.SearchStrategy[Any]] = {
    int: st.integers(-(2**63), 2**63 - 1),
    str: st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    bool: st.booleans(),
    float: st.floats(allow_nan=False),
    Decimal: st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**20), max_value=10**20),
    bytes: st.binary(),
    UUID: st.uuids(),
    datetime: st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)),
    date: st.dates(date(1, 1, 2), date(9999, 12, 30)),
    time: st.times(),
    timedelta: st.timedeltas(timedelta(days=-(10**6)), timedelta(days=10**6)),
}
TYPED = st.one_of(
    *[st.tuples(st.just(BY_CLASS[one]), values | st.none()) for one, values in SCALARS.items()],
    st.tuples(st.just(EnumType(Word)), st.sampled_from(Word)),
    st.tuples(st.just(EnumType(Number)), st.sampled_from(Number)),
)


@given(st.lists(TYPED, min_size=1, max_size=4), st.booleans(), st.booleans())
def test_values_come_back_as_they_went(pairs: list[tuple[Any, Any]], inclusive: bool, known: bool):
    known = known or any(isinstance(value, Enum) for _, value in pairs)
    slots = [Slot(type_ if known else None, nullable=True) for type_, _ in pairs]
    position = Position(tuple(value for _, value in pairs), inclusive)
    text = sign(position, HERE, KEY)
    assert text.isascii()
    assert text.replace("-", "").replace("_", "").isalnum()
    back = read(text, HERE, slots, (KEY,))
    assert back == position
    assert [value.__class__ for value in back.values] == [value.__class__ for value in position.values]


def signed(*values: Any) -> str:
    return sign(Position(values), HERE, KEY)


def test_every_bit_of_a_cursor_is_signed():
    text = signed(1, "x")
    raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    slots = [Slot(INTEGER, nullable=False), Slot(None, nullable=True)]
    assert read(text, HERE, slots, (KEY,)) == Position((1, "x"))
    for place in range(len(raw)):
        for bit in (1, 128):
            changed = bytearray(raw)
            changed[place] ^= bit
            with pytest.raises(CursorError, match="changed"):
                read(urlsafe_b64encode(changed).rstrip(b"=").decode(), HERE, slots, (KEY,))


def test_a_cursor_is_written_in_one_way_only():
    text = signed(1)
    slots = [Slot(INTEGER, nullable=False)]
    last = text[-1]
    others = [text[:-1] + char for char in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef0123456789-_" if char != last]
    for wrong in [*others, text + "=", text + "\n", " " + text, text[:5] + "." + text[5:], text[:-1], "é" + text]:
        with pytest.raises(CursorError):
            read(wrong, HERE, slots, (KEY,))


@given(st.text() | st.binary() | st.none() | st.integers())
def test_whatever_is_no_cursor_is_refused(wrong: object):
    with pytest.raises(CursorError):
        read(wrong, HERE, [Slot(INTEGER, nullable=False)], (KEY,))


def test_another_version_order_or_type_is_refused(monkeypatch: pytest.MonkeyPatch):
    text = signed(1)
    integer = [Slot(INTEGER, nullable=False)]
    with pytest.raises(CursorError, match="another query or order"):
        read(text, fingerprint_of("there"), integer, (KEY,))
    with pytest.raises(CursorError, match="changed"):
        read(text, HERE, integer, (b"x" * 16,))
    for values, slot in [
        ((1,), Slot(BY_CLASS[str], nullable=True)),
        ((True,), Slot(INTEGER, nullable=True)),
        (("x",), Slot(BY_CLASS[UUID], nullable=True)),
        ((date(2024, 1, 1),), Slot(BY_CLASS[datetime], nullable=True)),
        ((None,), Slot(INTEGER, nullable=False)),
        ((Word.A,), Slot(EnumType(Number), nullable=False)),
    ]:
        with pytest.raises(CursorError, match="another value"):
            read(signed(*values), HERE, [slot], (KEY,))
    monkeypatch.setattr("ectype.query.cursors.VERSION", 2)
    with pytest.raises(CursorError, match="another version"):
        read(text, HERE, integer, (KEY,))


def test_values_that_a_cursor_cannot_hold_say_so():
    for value in ({"a": 1}, [1], 1j, object()):
        with pytest.raises(QueryError, match="a cursor cannot hold"):
            signed(value)
    with pytest.raises(QueryError, match="too many for a cursor"):
        signed("x" * MAX_LENGTH)


def test_secrets_are_long_enough():
    assert keys_of("é" * 8) == ("é".encode() * 8,)
    assert keys_of((KEY, "x" * 20)) == (KEY, b"x" * 20)
    for wrong in ("x" * 15, b"", (), (KEY, "x"), None, 3, [KEY]):
        with pytest.raises(ConfigError, match="at least 16 bytes"):
            keys_of(wrong)

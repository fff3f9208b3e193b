"""A validation that is told a second time finds what it found the first time, whatever the values are."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectype import Changeset, Field, Schema, change, field, primary_key
from ectype.errors import SchemaError

VALUES = st.one_of(
    st.none(), st.text(max_size=6), st.sampled_from(["", " ", "\r\n", "ab", "é" * 3, "\U0001f468\u200d\U0001f469"])
)
NUMBERS = st.one_of(st.none(), st.integers(-3, 3), st.sampled_from([Decimal("NaN"), Decimal("1.5"), 0.5, float("nan")]))


def fresh() -> Any:
    """Return a schema that has met no validation yet."""

    class Thing(Schema, table="things"):
        id: Field[int] = primary_key()
        name: Field[str | None] = field(default=None)
        size: Field[Any] = field(default=None, virtual=True)
        seen: Field[datetime | None] = field(default=None)

    return Thing


KNOWN = fresh()


def checked(schema: Any, name: Any, size: Any) -> Changeset[Any]:
    """Return what all quick validations make of two values."""
    return (
        change(schema)
        .force_change(schema.name, name)
        .force_change(schema.size, size)
        .validate_required(schema.name)
        .validate_required(schema.size, schema.name)
        .validate_length(schema.name, min=1, max=3)
        .validate_length(schema.name, max=4, count="bytes")
        .validate_length(schema.name, is_=2, count="codepoints")
        .validate_format(schema.name, r"[a-z]")
        .validate_number(schema.size, greater_than=0)
        .validate_number(schema.size, less_than=3, not_equal_to=1)
    )


@given(VALUES, NUMBERS)
def test_what_was_told_before_finds_what_it_found_the_first_time(name: str | None, size: Any):
    checked(KNOWN, "ab", 1)
    first, again = checked(fresh(), name, size), checked(KNOWN, name, size)
    assert repr(again.errors) == repr(first.errors)
    assert repr(again.changes) == repr(first.changes)
    assert again.required == first.required == ("name", "size")
    assert again.validations == first.validations
    assert again.valid == first.valid


@pytest.mark.parametrize("wrong", [True, 2.0, "2", None])
def test_a_bound_that_equals_one_told_before_is_refused_all_the_same(wrong: Any):
    schema = fresh()
    begun = change(schema).put_change(schema.name, "ab")
    for least in (1, 2):
        begun.validate_length(schema.name, min=least)
        begun.validate_number(schema.size, greater_than=least)
    with pytest.raises(SchemaError):
        begun.validate_length(schema.name, min=wrong)
    if wrong != 2.0:
        with pytest.raises(SchemaError):
            begun.validate_number(schema.size, greater_than=wrong)


def test_a_bound_is_told_as_it_was_given():
    schema = fresh()
    begun = change(schema).put_change(schema.size, 0)
    for bound in (1, 1.0, Decimal(1)):
        error = begun.validate_number(schema.size, greater_than=bound).errors[0][1]
        assert repr(error.meta["number"]) == repr(bound)


def test_a_value_of_a_wrong_class_is_refused_the_second_time_too():
    schema = fresh()
    begun = change(schema).put_change(schema.name, "ab")
    for _ in range(2):
        begun.validate_format(schema.name, re.compile("a"))
        with pytest.raises(SchemaError, match="validate_format"):
            begun.put_change(schema.size, 7).validate_format(schema.size, "a")
        with pytest.raises(SchemaError, match="validate_number"):
            begun.put_change(schema.size, "7").validate_number(schema.size, greater_than=1)


def test_a_field_whose_cast_has_failed_is_left_alone_the_second_time_too():
    schema = fresh()
    for _ in range(2):
        begun = change(schema).cast({"seen": "never"}, schema.seen).put_change(schema.seen, datetime.now(UTC))
        assert [error.text() for _, error in begun.validate_length(schema.name, min=3).errors] == ["is invalid"]
        assert begun.validate_format(schema.seen, "a").errors == begun.errors


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2026-11-29T12:30:00Z", 12),
        ("2026-11-29 12:30:00.5Z", 12),
        ("2026-11-29T12:30Z", 12),
        ("2026-11-29T12:30:00+02:00", 10),
        ("2026-11-29T12:30:00", 12),
        ("2026-11-29T24:00:00Z", None),
        ("2026-02-30T12:30:00Z", None),
        ("2026-W48-7T12:30:00Z", None),
        ("２026-11-29T12:30:00Z", None),
        ("2026-11-29T12:30:00Z" + " " * 90, None),
    ],
)
def test_an_instant_is_cast_at_once_as_it_is_cast_slowly(text: str, hour: int | None):
    schema = fresh()
    made = change(schema).cast({"seen": text}, schema.seen)
    slow = change(schema).cast({"seen": text}, schema.seen, empty_values=("",), trim=False)
    assert made.changes == slow.changes
    assert made.errors == slow.errors
    found = made.get_change(schema.seen)
    assert (found and found.hour) == hour
    assert found is None or found.tzinfo is UTC

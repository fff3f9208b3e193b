from enum import StrEnum
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectype.errors import CastError
from ectype.result import Err, Ok
from ectype.types.base import Target
from ectype.types.scalars import BINARY, BOOLEAN, STRING, UUID_TYPE
from tests.ids import stable

BOTH: tuple[Target, ...] = ("postgres", "sqlite")
A0 = UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")


class Role(StrEnum):
    ADMIN = "admin"


class Blob(bytes):
    pass


class Key(UUID):
    pass


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, True), (False, False), ("true", True), ("false", False), ("1", True), ("0", False)],
)
def test_a_boolean_is_cast_from_what_ecto_takes(value: object, expected: bool) -> None:
    assert BOOLEAN.cast(value) == Ok(expected)


@pytest.mark.parametrize(
    "value",
    ["yes", "no", "on", "off", "t", "True", "TRUE", " true", "true\n", "", "1.0", "01", 1, 0, 1.0, b"1", [], {}],
)
def test_nothing_else_is_cast_to_a_boolean(value: object) -> None:
    assert BOOLEAN.cast(value) == Err("is invalid")


TEXTS = ["", "Ada", " padded ", "é", "日本", "😀", "\x01\x7f", "line\nline", "\u2028"]
NO_TEXTS = ["\0", "a\0b", "é\0", "\ud800", "a\udfffb", 7, None, b"text", ["a"], 1.5, True]


@pytest.mark.parametrize("value", TEXTS)
def test_text_is_cast_as_it_is(value: str) -> None:
    assert STRING.cast(value) == Ok(value)


@pytest.mark.parametrize("value", NO_TEXTS)
def test_text_that_no_database_keeps_and_what_is_no_text_is_not_cast_to_a_string(value: object) -> None:
    assert STRING.cast(value) == Err("is invalid")


def test_subclasses_are_cast_and_stored_as_plain_values() -> None:
    cast_ = [STRING.cast(Role.ADMIN), BINARY.cast(Blob(b"x")), BINARY.cast(bytearray(b"x"))]
    assert [(one.value, one.value.__class__) for one in cast_ if isinstance(one, Ok)] == [
        ("admin", str),
        (b"x", bytes),
        (b"x", bytes),
    ]
    assert STRING.codec("postgres").dump(Role.ADMIN).__class__ is str
    assert BINARY.codec("sqlite").dump(Blob(b"x")).__class__ is bytes


@pytest.mark.parametrize(
    ("value", "expected"), [(b"", b""), (b"\0\xff", b"\0\xff"), ("é", b"\xc3\xa9"), ("a\0", b"a\0")]
)
def test_bytes_are_cast_from_bytes_and_from_text_by_its_utf_8(value: object, expected: bytes) -> None:
    assert BINARY.cast(value) == Ok(expected)


@pytest.mark.parametrize("value", [7, "\ud800", [1, 2], None, 1.5, True])
def test_nothing_else_is_cast_to_bytes(value: object) -> None:
    assert BINARY.cast(value) == Err("is invalid")


@pytest.mark.parametrize("value", [A0, str(A0), str(A0).upper(), "A0eebc99-9C0B-4ef8-bb6d-6bb9bd380a11", A0.bytes])
def test_a_uuid_is_cast_from_canonical_text_in_any_case_and_from_its_bytes(value: object) -> None:
    assert UUID_TYPE.cast(value) == Ok(A0)


@pytest.mark.parametrize(
    "value",
    [
        "",
        A0.hex,
        "{" + str(A0) + "}",
        "urn:uuid:" + str(A0),
        "{urn:uuid:" + str(A0) + "}",
        str(A0) + "\n",
        " " + str(A0),
        str(A0).replace("-", "_"),
        str(A0).replace("a0", "g0", 1),
        str(A0).replace("0", "０"),
        "a0eebc99-9c0b-4ef8-bb6d6-bb9bd380a11",
        "warehouse worker",
        b"short",
        str(A0).encode(),
        A0.int,
        None,
        True,
    ],
)
def test_nothing_else_is_cast_to_a_uuid(value: object) -> None:
    assert UUID_TYPE.cast(value) == Err("is invalid")


REFUSED_DUMPS: list[tuple[Any, Any, str]] = [
    (BOOLEAN, 1, r"expected True or False, got 1 \(int\)"),
    (BOOLEAN, 0, "expected True or False"),
    (BOOLEAN, "true", "cast it through a changeset"),
    (STRING, 7, r"expected a str, got 7 \(int\)"),
    (STRING, b"x", "expected a str"),
    (STRING, None, "expected a str"),
    (STRING, "a\0b", "NUL character"),
    (STRING, "é\0", "NUL character"),
    (STRING, "\ud800", "lone surrogate"),
    (BINARY, "text", r"text.encode\(\)"),
    (BINARY, bytearray(b"x"), r"bytes\(value\)"),
    (BINARY, memoryview(b"x"), "expected bytes"),
    (UUID_TYPE, str(A0), r"UUID\(value\)"),
    (UUID_TYPE, A0.bytes, "expected a UUID"),
]


@pytest.mark.parametrize("target", BOTH)
@pytest.mark.parametrize(("type_", "value", "message"), REFUSED_DUMPS, ids=stable)
def test_a_value_is_stored_as_it_is_or_refused(type_: Any, value: object, message: str, target: Target) -> None:
    with pytest.raises(CastError, match=f"(?s){message}"):
        type_.codec(target).dump(value)


@pytest.mark.parametrize("target", BOTH)
def test_values_of_the_type_are_stored_as_the_driver_takes_them(target: Target) -> None:
    key = Key(int=A0.int)
    stored = [BOOLEAN.codec(target).dump(one) for one in (True, False)]
    assert stored == ([True, False] if target == "postgres" else [1, 0])
    assert [one.__class__ for one in stored] == ([bool, bool] if target == "postgres" else [int, int])
    assert STRING.codec(target).dump("é") == "é"
    assert BINARY.codec(target).dump(b"\0") == b"\0"
    assert UUID_TYPE.codec(target).dump(key) == (A0 if target == "postgres" else str(A0))


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (BOOLEAN, 2),
        (BOOLEAN, "1"),
        (BOOLEAN, None),
        (UUID_TYPE, "x"),
        (UUID_TYPE, "g" * 36),
        (UUID_TYPE, A0.hex),
        (UUID_TYPE, 7),
        (UUID_TYPE, b"a" * 36),
    ],
)
def test_what_sqlite_gives_that_is_none_of_the_type_is_named(type_: Any, value: object) -> None:
    with pytest.raises(CastError, match=r"the database gave .* which is not a"):
        type_.codec("sqlite").load(value)


def test_booleans_load_from_one_and_zero_only() -> None:
    load: Any = BOOLEAN.codec("sqlite").load
    assert [load(1), load(0)] == [True, False]


@given(st.uuids())
def test_a_uuid_loads_from_sqlite_as_uuid_itself_would_make_it(value: UUID) -> None:
    load: Any = UUID_TYPE.codec("sqlite").load
    loaded = load(str(value))
    made = UUID(str(value))
    assert (loaded, hash(loaded), str(loaded), loaded.version, loaded.is_safe, loaded.__class__) == (
        made,
        hash(made),
        str(made),
        made.version,
        made.is_safe,
        UUID,
    )


def test_the_columns_are_those_of_the_storage_table() -> None:
    types = (BOOLEAN, STRING, BINARY, UUID_TYPE)
    assert [one.codec("postgres").column for one in types] == ["boolean", "text", "bytea", "uuid"]
    assert [one.codec("sqlite").column for one in types] == ["INTEGER", "TEXT", "BLOB", "TEXT"]
    assert [(one.name, one.python) for one in types] == [
        ("boolean", bool),
        ("string", str),
        ("binary", bytes),
        ("uuid", UUID),
    ]


@pytest.mark.parametrize("type_", [BOOLEAN, UUID_TYPE])
@pytest.mark.parametrize("value", ["t" * 1_000_000, "a0eebc99-" * 200_000, "-" * 36, "\0" * 1_000_000])
def test_hostile_text_is_refused_at_once(type_: Any, value: str, at_once: Any) -> None:
    assert type_.cast(value) == Err("is invalid")
    at_once(lambda: type_.cast(value))


def test_types_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        BOOLEAN.word = "other"  # type: ignore[misc]

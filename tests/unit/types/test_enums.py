"""Enums: by value, as numbers, and as enum types of PostgreSQL."""

from enum import Enum, Flag, IntEnum, StrEnum
from typing import Any

import pytest

from ectype import pg_enum
from ectype.errors import CastError, SchemaError
from ectype.result import Err, Ok
from ectype.types.containers import ArrayType
from ectype.types.enums import EnumType, NativeEnum
from ectype.types.resolve import field_type


class Role(StrEnum):
    ADMIN = "admin"
    MEMBER = "mémber"


class Level(IntEnum):
    LOW = -1
    HIGH = 2**63 - 1


class Other(StrEnum):
    ADMIN = "admin"


INVALID_ROLE = Err("is invalid", {"validation": "inclusion", "enum": ["admin", "mémber"]})


@pytest.mark.parametrize(
    ("enum", "value", "expected"),
    [
        (Role, Role.ADMIN, Ok(Role.ADMIN)),
        (Role, "admin", Ok(Role.ADMIN)),
        (Role, Other.ADMIN, Ok(Role.ADMIN)),
        (Role, "ADMIN", INVALID_ROLE),
        (Role, " admin", INVALID_ROLE),
        (Role, 7, INVALID_ROLE),
        (Role, ["admin"], INVALID_ROLE),
        (Role, "x" * 10**6, INVALID_ROLE),
        pytest.param(Role, 10**5000, INVALID_ROLE, id="huge"),
        (Level, -1, Ok(Level.LOW)),
        (Level, "-1", Ok(Level.LOW)),
        (Level, True, Err("is invalid", {"validation": "inclusion", "enum": [-1, 2**63 - 1]})),
        (Level, -1.0, Err("is invalid", {"validation": "inclusion", "enum": [-1, 2**63 - 1]})),
    ],
)
def test_a_member_is_cast_from_itself_and_from_its_value(enum: Any, value: object, expected: object) -> None:
    assert EnumType(enum).cast(value) == expected


@pytest.mark.parametrize(
    ("type_", "columns"),
    [
        (EnumType(Role), {"postgres": "text", "sqlite": "TEXT"}),
        (EnumType(Level), {"postgres": "bigint", "sqlite": "INTEGER"}),
        (pg_enum(Role, name='ro"le'), {"postgres": '"ro""le"', "sqlite": "TEXT"}),
        (pg_enum(Role, name="role", schema="app"), {"postgres": '"app"."role"', "sqlite": "TEXT"}),
        (ArrayType(pg_enum(Role, name="role")), {"postgres": '"role"[]', "sqlite": "TEXT"}),
    ],
)
def test_the_column_of_an_enum(type_: Any, columns: dict[str, str]) -> None:
    assert type_.describe().columns == columns


def test_postgresql_orders_its_own_enum_and_sqlite_does_not() -> None:
    native = pg_enum(Role, name="role")
    assert (native.codec("postgres").compares, native.codec("sqlite").compares) == ("order", "equality")
    assert native == NativeEnum(Role, "role") != pg_enum(Role, name="other")


def test_a_value_that_is_stored_and_no_member_is_refused_with_those_that_are() -> None:
    load = EnumType(Level).codec("sqlite").load
    assert load is not None
    for wrong in (0, "x", None, [1]):
        with pytest.raises(CastError, match="is not a value of Level") as caught:
            load(wrong)
        assert caught.value.hint == f"its values are -1, {2**63 - 1}"
    with pytest.raises(CastError, match="expected a member of Role") as refused:
        EnumType(Role).codec("sqlite").dump("admin")
    assert refused.value.hint == "write Role('admin')"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EnumType(Flag("F", "A B")), "not all str, nor all int"),
        (lambda: EnumType(Enum("E", {"A": 1, "B": "b"})), "not all str, nor all int"),
        (lambda: EnumType(Enum("E", {"A": True})), "not all str, nor all int"),
        (lambda: EnumType(Enum("E", {"A": 2**63})), "has more than 64 bits"),
        (lambda: EnumType(Enum("E", {"A": "a\0"})), "holds a NUL character"),
        (lambda: EnumType(str), "needs an enum class"),
        (lambda: pg_enum(Level, name="level"), "cannot be in an enum type of PostgreSQL"),
        (lambda: pg_enum(Enum("E", {"A": "é" * 32}), name="e"), "at most 63 bytes"),
        (lambda: pg_enum(Role, name=""), "cannot name an enum type"),
        (lambda: pg_enum(Role, name="x" * 64), "cannot name an enum type"),
        (lambda: pg_enum(Role, name="role", schema="\0"), "cannot name an enum type"),
        (lambda: field_type(str, given=pg_enum(Role, name="role")), "gives a type of Role"),
    ],
)
def test_an_enum_that_cannot_be_stored_is_refused(make: Any, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        make()

import json
from datetime import date
from decimal import Decimal
from enum import Enum, Flag, IntEnum, IntFlag, StrEnum
from typing import Any

import pytest

from ectype.errors import CastError, SchemaError
from ectype.result import Err, Ok
from ectype.types.base import Target
from ectype.types.containers import ANY, JSON, JSON_LIST, JSON_OBJECT, ArrayType, Json
from ectype.types.enums import EnumType
from ectype.types.numeric import DECIMAL, FLOAT, INTEGER, DecimalType
from ectype.types.scalars import BINARY, BOOLEAN, STRING, UUID_TYPE
from ectype.types.temporal import DATE, DATETIME

BOTH: tuple[Target, ...] = ("postgres", "sqlite")


class Role(StrEnum):
    ADMIN = "admin"
    MEMBER = "member"
    BOSS = "admin"


class Level(IntEnum):
    LOW = 1
    HIGH = 10


class Colour(Enum):
    RED = "r"


ROLE, LEVEL, COLOUR = EnumType(Role), EnumType(Level), EnumType(Colour)


@pytest.mark.parametrize(
    ("type_", "value", "expected"),
    [
        (ROLE, Role.ADMIN, Role.ADMIN),
        (ROLE, "admin", Role.ADMIN),
        (ROLE, Role.BOSS, Role.ADMIN),
        (LEVEL, Level.LOW, Level.LOW),
        (LEVEL, 10, Level.HIGH),
        (LEVEL, "10", Level.HIGH),
        (COLOUR, "r", Colour.RED),
        (COLOUR, Colour.RED, Colour.RED),
    ],
)
def test_a_member_is_cast_from_itself_and_its_value(type_: EnumType, value: object, expected: Enum) -> None:
    result = type_.cast(value)
    assert isinstance(result, Ok)
    assert result.value is expected


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (ROLE, "ADMIN"),
        (ROLE, "Admin"),
        (ROLE, "admin "),
        (ROLE, ""),
        (ROLE, 1),
        (ROLE, None),
        (ROLE, ["admin"]),
        (LEVEL, "LOW"),
        (LEVEL, "01"),
        (LEVEL, "+1"),
        (LEVEL, 2),
        (LEVEL, True),
        (LEVEL, 1.0),
        (LEVEL, 10**100_000),
        (COLOUR, "RED"),
        (COLOUR, Role.ADMIN),
    ],
    ids=range(16),
)
def test_nothing_else_is_cast_to_a_member_and_the_error_lists_the_values(type_: EnumType, value: object) -> None:
    values = [member.value for member in type_.enum]
    assert type_.cast(value) == Err("is invalid", {"validation": "inclusion", "enum": values})


def test_a_text_value_of_a_number_is_no_member_of_an_enum_of_text() -> None:
    class Digit(StrEnum):
        ONE = "1"

    assert EnumType(Digit).cast("1") == Ok(Digit.ONE)
    assert isinstance(EnumType(Digit).cast(1), Err)


@pytest.mark.parametrize("target", BOTH)
def test_members_are_stored_by_their_values(target: Target) -> None:
    stored = [
        ROLE.codec(target).dump(Role.BOSS),
        LEVEL.codec(target).dump(Level.HIGH),
        COLOUR.codec(target).dump(Colour.RED),
    ]
    assert [(one, one.__class__) for one in stored] == [("admin", str), (10, int), ("r", str)]
    loads: list[Any] = [one.codec(target).load for one in (ROLE, LEVEL, COLOUR)]
    assert [load(text) for load, text in zip(loads, stored, strict=True)] == [Role.ADMIN, Level.HIGH, Colour.RED]
    assert ROLE.codec(target).column.lower() == "text"
    for value in ("admin", Colour.RED, 1, None):
        with pytest.raises(CastError, match="expected a member of Role"):
            ROLE.codec(target).dump(value)
    for text in ("gone", None, []):
        with pytest.raises(CastError, match=r"not a value of Role\n\nhint: its values are admin, member"):
            loads[0](text)


def test_enums_that_cannot_be_stored_are_refused_with_the_fix() -> None:
    class Mixed(Enum):
        A = 1
        B = "b"

    class Pairs(Enum):
        A = (1, 2)

    class Truth(Enum):
        A = True

    class Empty(Enum):
        pass

    class Bits(Flag):
        A = 1

    class IntBits(IntFlag):
        A = 1

    for wrong in (Mixed, Pairs, Truth, Empty, Bits, IntBits):
        with pytest.raises(SchemaError, match=f"the enum {wrong.__name__} cannot be stored") as caught:
            EnumType(wrong)
        assert 'FIRST = "first"' in str(caught.value)

    class Nul(Enum):
        A = "a\0"

    with pytest.raises(SchemaError, match=r"'a\\x00' holds a NUL character"):
        EnumType(Nul)
    for other in (int, "Role"):
        with pytest.raises(SchemaError, match="needs an enum class"):
            EnumType(other)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [{}, {"a": [1, 1.5, None, True, {"b": "é"}]}])
def test_a_document_is_cast_to_a_copy_of_itself(value: dict[str, Any]) -> None:
    result = JSON_OBJECT.cast(value)
    assert result == Ok(value)
    assert isinstance(result, Ok)
    assert result.value is not value
    assert JSON_LIST.cast([value]) == Ok([value])
    assert JSON.cast(value) == Ok(value)
    assert JSON.cast([value]) == Ok([value])


@pytest.mark.parametrize(
    ("type_", "value", "meta"),
    [
        (JSON_OBJECT, [], None),
        (JSON_LIST, {}, None),
        (JSON, "{}", None),
        (JSON, 7, None),
        (JSON, (1,), None),
        (JSON_OBJECT, {"a": [1, {2}]}, {"source": ["a", 1]}),
        (JSON_OBJECT, {"a": float("nan")}, {"source": ["a"]}),
        (JSON_OBJECT, {1: 2}, None),
        (JSON_LIST, ["x\0"], {"source": [0]}),
    ],
)
def test_what_is_no_document_is_refused_with_the_path(type_: Json, value: object, meta: dict[str, Any] | None) -> None:
    assert type_.cast(value) == Err("is invalid", meta)


@pytest.mark.parametrize("target", BOTH)
def test_documents_are_stored_as_text(target: Target) -> None:
    codec = JSON_OBJECT.codec(target)
    load: Any = codec.load
    assert codec.column == ("jsonb" if target == "postgres" else "TEXT")
    assert codec.dump({"a": 1}) == '{"a":1}'
    assert (load('{"a": 1}'), load("null")) == ({"a": 1}, None)
    with pytest.raises(CastError, match="expected a dict, got"):
        codec.dump([1])
    with pytest.raises(CastError, match="expected a dict or list, got"):
        JSON.codec(target).dump("{}")
    with pytest.raises(CastError, match="not a dict"):
        load("[1]")
    with pytest.raises(CastError, match="and it at"):
        codec.dump({"a": {1}})


def test_documents_name_themselves() -> None:
    assert [(one.name, one.python) for one in (JSON_OBJECT, JSON_LIST, JSON)] == [
        ("map", dict[str, Any]),
        ("list", list[Any]),
        ("json", dict[str, Any] | list[Any]),
    ]
    assert not JSON.equal({"a": 1}, {"a": True})
    assert all(one.mutable for one in (JSON, ArrayType(INTEGER)))
    for roots in ((), (str,), (dict, tuple)):
        with pytest.raises(SchemaError, match="a dict or a list"):
            Json(roots)


@pytest.mark.parametrize(
    ("type_", "value", "expected"),
    [
        (ArrayType(INTEGER), ["1", 2], [1, 2]),
        (ArrayType(INTEGER), (), []),
        (ArrayType(INTEGER, nullable=True), [1, None], [1, None]),
        (ArrayType(ROLE), ["admin"], [Role.ADMIN]),
        (ArrayType(DATE, nullable=True), [{"year": "", "month": "", "day": ""}], [None]),
    ],
)
def test_a_list_is_cast_element_by_element(type_: ArrayType, value: object, expected: list[Any]) -> None:
    assert type_.cast(value) == Ok(expected)


@pytest.mark.parametrize(
    ("type_", "value", "meta"),
    [
        (ArrayType(INTEGER), [1, "x"], {"source": [1]}),
        (ArrayType(INTEGER), [None], {"source": [0]}),
        (ArrayType(INTEGER), "12", None),
        (ArrayType(INTEGER), {1, 2}, None),
        (ArrayType(INTEGER), {"0": 1}, None),
        (ArrayType(INTEGER), 1, None),
        (ArrayType(COLOUR), ["r", "x"], {"validation": "inclusion", "enum": ["r"], "source": [1]}),
        (ArrayType(DATE), [{"year": "", "month": "", "day": ""}], {"source": [0]}),
    ],
)
def test_the_error_of_a_list_names_the_index(type_: ArrayType, value: object, meta: dict[str, Any] | None) -> None:
    assert type_.cast(value) == Err("is invalid", meta)


def test_arrays_are_arrays_on_postgres_and_json_on_sqlite() -> None:
    types = (INTEGER, STRING, BOOLEAN, UUID_TYPE, DATETIME, ROLE, DecimalType(scale=2))
    assert [ArrayType(one).codec("postgres").column for one in types] == [
        "bigint[]",
        "text[]",
        "boolean[]",
        "uuid[]",
        "timestamptz[]",
        "text[]",
        "numeric(1000,2)[]",
    ]
    assert {ArrayType(one).codec("sqlite").column for one in types} == {"TEXT"}
    assert ArrayType(INTEGER).codec("postgres").dump([1]) == [1]
    assert ArrayType(INTEGER).codec("postgres").load is None
    assert ArrayType(BINARY).codec("sqlite").dump([b"\x00\xff"]) == '["00ff"]'
    assert ArrayType(DECIMAL).codec("sqlite").dump([Decimal("1.50")]) == '["1.50"]'
    assert ArrayType(DATE, nullable=True).codec("sqlite").dump([date(2026, 11, 1), None]) == '["2026-11-01",null]'


@pytest.mark.parametrize("target", BOTH)
@pytest.mark.parametrize(
    ("type_", "value", "message", "notes"),
    [
        (ArrayType(INTEGER), (1,), r"expected a list, got \(1,\)", None),
        (ArrayType(INTEGER), "12", "expected a list", None),
        (ArrayType(INTEGER), [1, "2"], "expected an integer, got '2'", ["at index 1 of the list [1, '2']"]),
        (ArrayType(INTEGER), [None], "expected an integer, got None", ["at index 0 of the list [None]"]),
        (
            ArrayType(INTEGER, nullable=True),
            [None, True],
            "expected an integer, got True",
            ["at index 1 of the list [None, True]"],
        ),
        (ArrayType(BINARY), ["x"], "expected bytes", ["at index 0 of the list ['x']"]),
    ],
)
def test_a_list_is_stored_when_all_its_elements_are(
    type_: ArrayType, value: object, message: str, notes: list[str] | None, target: Target
) -> None:
    with pytest.raises(CastError, match=message) as caught:
        type_.codec(target).dump(value)
    assert getattr(caught.value, "__notes__", None) == notes


def test_what_sqlite_gives_that_is_no_list_is_named() -> None:
    integers: Any = ArrayType(INTEGER).codec("sqlite").load
    binaries: Any = ArrayType(BINARY).codec("sqlite").load
    assert integers("[1,null]") == [1, None]
    assert binaries('["00ff"]') == [b"\x00\xff"]
    for load, text in ((integers, '{"a":1}'), (integers, "x"), (binaries, '["xx"]'), (binaries, "[1]")):
        with pytest.raises(CastError, match="the database gave"):
            load(text)
    roles: Any = ArrayType(ROLE).codec("postgres").load
    assert roles(["admin", None]) == [Role.ADMIN, None]
    with pytest.raises(CastError, match="not a list"):
        roles("admin")


def test_lists_are_compared_as_their_elements_are() -> None:
    decimals = ArrayType(DECIMAL, nullable=True)
    assert decimals.equal([Decimal(1), None], [Decimal("1.00"), None])
    assert not decimals.equal([Decimal(1)], [None])
    assert not decimals.equal([None], [Decimal(1)])
    assert not decimals.equal([Decimal(1)], [])
    assert ArrayType(FLOAT).equal([float("nan")], [float("nan")])


def test_an_array_holds_scalars_only() -> None:
    for element in (JSON, ArrayType(INTEGER), ANY):
        with pytest.raises(SchemaError, match="an array holds scalars"):
            ArrayType(element)
    assert ArrayType(INTEGER) == ArrayType(INTEGER) != ArrayType(INTEGER, nullable=True)
    assert (ArrayType(INTEGER).name, ArrayType(INTEGER).python) == ("array of integer", list[int])
    assert ArrayType(INTEGER, nullable=True).python == list[int | None]


@pytest.mark.parametrize("target", BOTH)
def test_any_takes_everything_and_is_never_stored(target: Target) -> None:
    value = object()
    assert ANY.cast(value) == Ok(value)
    assert (ANY.name, ANY.python) == ("any", Any)
    with pytest.raises(SchemaError, match=r"field\(virtual=True\)"):
        ANY.codec(target)


def test_the_values_of_an_enum_are_json_for_other_readers() -> None:
    assert json.loads(ArrayType(ROLE).codec("sqlite").dump([Role.ADMIN])) == ["admin"]
    assert (ROLE.name, ROLE.python, repr(ROLE)) == ("enum", Role, f"EnumType(enum={Role!r})")
    assert ROLE == EnumType(Role) != LEVEL

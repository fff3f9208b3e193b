"""What is cast at once, past the grammar, is accepted and refused as one item after the other is."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

import pytest
from annotated_types import Gt
from hypothesis import example, given
from hypothesis import strategies as st

from ectype import CastError, CustomType, Err, Ok
from ectype.types import CIText, DecimalType, Type, Vector, field_type, pg_enum
from ectype.types.base import TARGETS, Codec, Target
from ectype.types.beyond import BeyondDateTime
from ectype.types.columns import ColumnValues
from ectype.types.containers import ArrayType, Json
from ectype.types.documents import copied, find_fault, is_too_deep
from ectype.types.enums import EnumType
from ectype.types.numeric import DECIMAL, FLOAT, INTEGER, Integer
from ectype.types.scalars import BINARY, BOOLEAN, STRING, UUID_TYPE
from ectype.types.temporal import DATETIME


class Role(StrEnum):
    ADMIN = "admin"
    MEMBER = "member"
    BLANK = " "


class Level(IntEnum):
    LOW = 1
    HIGH = 20


class Text(str):
    """A text that is not just one."""


TYPES: Final[dict[str, Type[Any]]] = {
    "integer": INTEGER,
    "float": FLOAT,
    "decimal": DECIMAL,
    "scaled": DecimalType(scale=2),
    "boolean": BOOLEAN,
    "string": STRING,
    "citext": CIText(),
    "enum": EnumType(Role),
    "int enum": EnumType(Level),
    "pg enum": pg_enum(Role, name="role"),
    "binary": BINARY,
    "uuid": UUID_TYPE,
    "datetime": DATETIME,
}

DIGITS = st.text("0123456789", min_size=1, max_size=25)
NUMBERS = st.from_regex(r"\A[+-]?[0-9]{0,4}\.?[0-9]{0,4}([eE][+-]?[0-9]{0,7})?\Z")
ODD = st.text("0123456789+-.eE,_ \t\nx\0é٣²\ud800", max_size=8)
WORDS = st.sampled_from(["true", "false", "1", "0", "admin", "member", " ", "", "20", "Ada", "nan", "inf", "True"])
LONG = st.sampled_from(["0" * 31 + "7", "9" * 19, "9" * 18, str(2**63), str(-(2**63)), "1" * 400, "1." + "0" * 1_200])
UUIDS = st.uuids().flatmap(lambda one: st.sampled_from([str(one), str(one).upper(), f"{one}0", one.hex, f"{{{one}}}"]))
TEXTS = DIGITS | NUMBERS | ODD | WORDS | LONG | UUIDS | st.text(max_size=5)
INTS = st.integers() | st.integers(-3, 30) | st.sampled_from([2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 10**1_001])
FLOATS = st.floats() | st.sampled_from([1.7e308, 3.5e38, -0.0])
DECIMALS = st.decimals() | st.sampled_from([Decimal("1e999"), Decimal("1e1000"), Decimal("sNaN"), Decimal("0e99999")])
OTHERS = st.sampled_from([True, False, Text("7"), Text("admin"), Role.ADMIN, Level.LOW, b"7", [], {}])
KINDS: Final = (DIGITS, NUMBERS, ODD, WORDS, TEXTS, INTS, FLOATS, DECIMALS, OTHERS, INTS | FLOATS, st.booleans())
ITEMS = st.one_of(*KINDS)


def lists(kinds: Any = KINDS) -> st.SearchStrategy[list[Any]]:
    """Return lists of one kind of values, perhaps with a few others among them."""
    pure = st.one_of(*[st.lists(kind, max_size=12) for kind in kinds])
    return (
        st.tuples(pure, st.lists(ITEMS | st.none(), max_size=1), st.integers(0, 12)).map(
            lambda parts: [*parts[0][: parts[2]], *parts[1], *parts[0][parts[2] :]]
        )
        | pure
    )


def shown(outcome: Ok[Any] | Err) -> str:
    """Return an outcome with the classes of its values: 1, 1.0 and True are three values, and so are 1.0 and 1.00."""
    return f"{outcome!r} {[item.__class__ for item in outcome.value] if isinstance(outcome, Ok) else ''}"


def one_after_the_other(element: Type[Any], values: list[Any], *, nullable: bool) -> Ok[list[Any]] | Err:
    """Cast the items of a list as its type says of each."""
    made: list[Any] = []
    for index, item in enumerate(values):
        one: Ok[Any] | Err = (Ok(None) if nullable else Err()) if item is None else element.cast(item)
        if isinstance(one, Err):
            return Err(one.message, {**one.meta, "source": [index]})
        made.append(one.value)
    return Ok(made)


@pytest.mark.parametrize("name", TYPES)
@given(ITEMS)
@example("0" * 32)
@example("5.")
@example(".5")
@example("٣")
@example("²")
def test_what_is_usual_is_cast_as_all_else(name: str, value: Any) -> None:
    usual = TYPES[name].usual()
    found = None if usual is None else usual(value)
    if found is not None:
        expected = TYPES[name].cast(value)
        assert (f"{Ok(found)!r}", found.__class__) == (repr(expected), getattr(expected, "value", None).__class__)


@pytest.mark.parametrize("name", TYPES)
@given(st.text(" \t\n\x1c\u2003", max_size=3))
def test_blank_text_is_never_usual(name: str, blank: str) -> None:
    usual = TYPES[name].usual()
    assert usual is None or usual(blank) is None


@pytest.mark.parametrize("nullable", [False, True])
@pytest.mark.parametrize("name", TYPES)
@given(values=lists())
@example(["1", "2,3"])
@example(["1", "", "2"])
@example(["1."])
@example(["1", ".5"])
@example(["1e000001"])
@example(["0" * 19])
@example([1.7e308, 1.7e308])
@example([float("inf"), float("-inf")])
@example(["a\ud800", "\udc00b"])
@example([1, True])
@example([None, "1", None, "2"])
@example([None])
def test_a_list_is_cast_as_its_items_are(name: str, nullable: bool, values: list[Any]) -> None:
    element = TYPES[name]
    expected = one_after_the_other(element, values, nullable=nullable)
    assert shown(ArrayType(element, nullable).cast(values)) == shown(expected)


ZONES = st.sampled_from([UTC, timezone(timedelta(0)), timezone(timedelta(hours=2)), ZoneInfo("UTC"), None])
MOMENTS = st.datetimes(timezones=ZONES) | st.sampled_from(
    [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC), BeyondDateTime.of("infinity")]
)


class Doubled(CustomType[int, int]):
    def cast(self, value: object) -> Ok[int] | Err:
        return Ok(value) if isinstance(value, int) else Err()

    def dump(self, value: int) -> int:
        return value * 2

    def load(self, stored: int) -> int:
        return stored // 2


WRITTEN: Final[dict[str, Type[Any]]] = {
    **TYPES,
    "custom": field_type(int, given=Doubled)[0],
    "constrained": field_type(Annotated[int, Gt(1)])[0],
    "literal": field_type(Literal["a", "1"])[0],
}


def dumped(codec: Codec, values: list[Any]) -> list[Any] | None:
    try:
        return [None if value is None else codec.dump(value) for value in values]
    except CastError:
        return None


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", WRITTEN)
@given(values=lists((*KINDS, MOMENTS)).filter(bool))
@example([None, None])
@example([None, 1, None])
@example([1.5, None])
@example(["a", None])
@example([True, None])
@example([None, Decimal("1.50")])
@example([datetime(2026, 11, 29, tzinfo=UTC), None])
@example([2**63])
@example([0, -(2**63) - 1])
@example([2**63 - 1, -(2**63)])
@example([float("nan")])
@example([True, 1])
@example(["a\0"])
@example([datetime(2026, 11, 29, tzinfo=UTC)] * 2)
@example([datetime(2026, 11, 29, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
@example([datetime.min.replace(tzinfo=UTC)] * 2)
@example([datetime(2026, 11, 29, tzinfo=UTC), datetime(2026, 11, 29, 1, tzinfo=timezone(timedelta(hours=1)))])
def test_a_column_is_dumped_as_its_values_are(name: str, target: Target, values: list[Any]) -> None:
    codec = WRITTEN[name].codec(target)
    found = None if codec.many is None else codec.many.dump(ColumnValues.of(values))
    if found is not None:
        expected = dumped(codec, values)
        assert (repr(list(found)), list(map(type, found))) == (repr(expected), list(map(type, expected or ())))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    ("name", "value"),
    [("integer", 7), ("float", 1.5), ("string", "é"), ("datetime", datetime(2026, 11, 29, 9, 2, 3, 4, UTC))],
)
def test_a_column_of_one_class_is_dumped_at_once(name: str, value: Any, target: Target) -> None:
    codec = TYPES[name].codec(target)
    assert codec.many is not None
    assert codec.many.dump(ColumnValues.of([value, value])) == [codec.dump(value)] * 2


@pytest.mark.parametrize("bad", ["x", None, 1.5, True, 2**63, [], "9" * 19])
@pytest.mark.parametrize("where", [0, 1, 1_023, 1_024, 1_500, 2_999])
def test_the_culprit_of_a_long_list_is_told_by_its_index(bad: object, where: int) -> None:
    values: list[object] = list(range(3_000))
    values[where] = bad
    assert ArrayType(INTEGER).cast(values) == Err("is invalid", {"source": [where]})


def test_a_long_list_keeps_its_order_and_its_nulls() -> None:
    values = [None if number % 7 == 0 else str(number) if number % 1_500 > 700 else number for number in range(5_000)]
    expected = [None if number % 7 == 0 else number for number in range(5_000)]
    assert ArrayType(INTEGER, nullable=True).cast(tuple(values)) == Ok(expected)


def test_a_list_that_is_cast_is_another_list() -> None:
    for element, values in ((INTEGER, [1]), (FLOAT, [1.0]), (STRING, ["a"]), (BOOLEAN, [True])):
        found = ArrayType(element).cast(values)
        assert isinstance(found, Ok)
        assert found.value is not values


def test_a_type_that_casts_in_its_own_way_is_asked_for_each_value() -> None:
    class Even(Integer):
        def cast(self, value: object) -> Ok[int] | Err:
            return Ok(value) if isinstance(value, int) and value % 2 == 0 else Err()

    assert Even().usual() is None
    assert ArrayType(Even()).cast([2, 3]) == Err("is invalid", {"source": [1]})


@given(lists((INTS, FLOATS, TEXTS)))
@example([3.5e38, 1])
@example([1e38, 1e300])
def test_a_vector_is_cast_as_its_numbers_are(values: list[Any]) -> None:
    size = max(1, len(values))
    expected: list[float] = []
    refused: int | None = None
    for index, item in enumerate(values):
        one = Vector(1).cast([item])
        if isinstance(one, Err):
            refused = index
            break
        expected += one.value
    found = Vector(size).cast(values)
    if not values:
        assert found == Err("is invalid", {"dimensions": 1})
    elif refused is not None:
        assert found == Err("is invalid", {"source": [refused]})
    else:
        assert shown(found) == shown(Ok(expected))


SCALARS = st.one_of(TEXTS, INTS, FLOATS, OTHERS, st.none(), DECIMALS)


@given(st.lists(SCALARS, max_size=6), st.integers(0, 60), st.sampled_from([1, "a", 1.5, None, True]))
@example(["\ud800"], 40, "a")
@example(["\0"], 40, "a")
@example([2**4_000], 40, 1)
@example([float("nan")], 40, 1.5)
def test_a_long_list_in_a_document_is_sound_when_each_of_its_items_is(few: list[Any], at: int, many: Any) -> None:
    document = [many] * at + few + [many] * (64 - at)
    faults = [(index, find_fault([item])) for index, item in enumerate(document)]
    first = next(((index, fault) for index, fault in faults if fault is not None), None)
    found = find_fault(document)
    if first is None:
        assert found is None
        assert Json((list,)).cast(document) == Ok(document)
        assert copied(document) is not document
    else:
        index, fault = first
        assert found is not None
        assert fault is not None
        assert (found.path, found.reason) == ((index, *fault.path[1:]), fault.reason)


def nested(depth: int, innermost: object) -> Any:
    """Return lists inside each other."""
    found = innermost
    for _ in range(depth):
        found = [found]
    return found


@pytest.mark.parametrize("width", [1, 31, 32, 100])
@pytest.mark.parametrize(("depth", "told"), [(98, False), (99, False), (100, True)])
@pytest.mark.parametrize("check", [is_too_deep, lambda document: find_fault(document) is not None])
def test_the_depth_of_a_document_does_not_hang_on_its_width(
    width: int, depth: int, told: bool, check: Callable[[Any], bool]
) -> None:
    assert check(nested(depth, [1] * width)) is told
    assert check(nested(depth, [*[1] * width, {"a": 1}])) is (depth >= 99)

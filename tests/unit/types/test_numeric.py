from decimal import Decimal, localcontext
from enum import IntEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectype.errors import CastError, SchemaError
from ectype.result import Err, Ok
from ectype.types.base import Target
from ectype.types.numeric import DECIMAL, FLOAT, INT64_MAX, INT64_MIN, INTEGER, DecimalType
from tests.ids import stable

BOTH: tuple[Target, ...] = ("postgres", "sqlite")


class Level(IntEnum):
    LOW = 1


class Length(float):
    pass


INTEGERS = [
    ("0", 0),
    ("42", 42),
    ("+7", 7),
    ("-7", -7),
    ("007", 7),
    ("-0", 0),
    (str(INT64_MAX), INT64_MAX),
    (str(INT64_MIN), INT64_MIN),
    ("0" * 30 + "1", 1),
    (7, 7),
    (Level.LOW, 1),
]
NO_INTEGERS = [
    "",
    " ",
    "7x",
    "x7",
    "1.0",
    "1.",
    "1e3",
    "1_000",
    "1,000",
    " 12",
    "12 ",
    "12\n",
    "\t12",
    "１２３",
    "٣",
    "²",
    "0x10",
    "0b1",
    "0o7",
    "--1",
    "+-1",
    "+",
    "-",
    "−1",
    "1\0",
    "inf",
    "nan",
    "None",
    "True",
    str(INT64_MAX + 1),
    str(INT64_MIN - 1),
    "9" * 31,
    "0" * 31 + "1",
    INT64_MAX + 1,
    INT64_MIN - 1,
    10**5000,
    True,
    False,
    1.0,
    Decimal(1),
    Decimal("1e3000000"),
    b"1",
    [1],
    {"a": 1},
    object(),
]


@pytest.mark.parametrize(("given_", "expected"), INTEGERS)
def test_an_integer_is_cast_from_an_int_or_a_sign_and_digits(given_: object, expected: int) -> None:
    result = INTEGER.cast(given_)
    assert result == Ok(expected)
    assert isinstance(result, Ok)
    assert result.value.__class__ is int


@pytest.mark.parametrize("given_", NO_INTEGERS, ids=lambda value: stable(value)[:30] if value != 10**5000 else "huge")
def test_nothing_else_is_cast_to_an_integer(given_: object) -> None:
    assert INTEGER.cast(given_) == Err("is invalid")


@given(st.integers(INT64_MIN, INT64_MAX))
def test_every_integer_of_64_bits_is_cast_from_its_text(number: int) -> None:
    assert INTEGER.cast(str(number)) == Ok(number)


FLOATS = [
    ("1", 1.0),
    ("+1.5", 1.5),
    ("-0.25", -0.25),
    ("1e3", 1000.0),
    ("1.5E-3", 0.0015),
    ("1e-400", 0.0),
    ("007.50", 7.5),
    (2, 2.0),
    (0.1, 0.1),
    (2**53 + 1, float(2**53)),
    (Length(1.5), 1.5),
]
NO_FLOATS = [
    "",
    "1.",
    ".5",
    "1e",
    "1e+",
    "e5",
    "1_0.0",
    "1,5",
    " 1.5",
    "1.5\n",
    "１.5",
    "nan",
    "NaN",
    "inf",
    "-inf",
    "Infinity",
    "1e309",
    "-1e309",
    "9" * 309,
    "1" * 401,
    "0x1p3",
    float("nan"),
    float("inf"),
    float("-inf"),
    10**309,
    True,
    Decimal("1.5"),
    1j,
    b"1.5",
]


@pytest.mark.parametrize(("given_", "expected"), FLOATS)
def test_a_float_is_cast_from_numbers_and_from_text_as_ecto_reads_it(given_: object, expected: float) -> None:
    assert FLOAT.cast(given_) == Ok(expected)


@pytest.mark.parametrize("given_", NO_FLOATS, ids=lambda value: stable(value)[:30])
def test_nothing_else_is_cast_to_a_float(given_: object) -> None:
    assert FLOAT.cast(given_) == Err("is invalid")


DECIMALS = [
    ("1", "1"),
    ("1.50", "1.50"),
    ("-.5", "-0.5"),
    ("5.", "5"),
    ("+2e-3", "0.002"),
    ("1E3", "1E+3"),
    ("1e999", "1E+999"),
    ("1e-1000", "1E-1000"),
    ("9" * 1000, "9" * 1000),
    (7, "7"),
    (0.1, "0.1"),
    (10**999, "1" + "0" * 999),
    (Decimal("1.00"), "1.00"),
]
NO_DECIMALS = [
    "",
    ".",
    "e5",
    "1e",
    "1_000",
    " 1",
    "1\n",
    "１",
    "NaN",
    "sNaN",
    "Infinity",
    "-inf",
    "1e1000",
    "1e-1001",
    "1e3000000",
    "1e99999",
    "1e999999",
    "1e-3000000",
    "9" * 1001,
    "0." + "1" * 1001,
    "1e999" + "0",
    "0e5000",
    "0" * 1011,
    10**1000,
    10**100_000,
    float("nan"),
    float("inf"),
    Decimal("NaN"),
    Decimal("-Infinity"),
    Decimal("1e3000000"),
    Decimal("1e-1001"),
    Decimal((0, (1,) * 1001, -500)),
    True,
    b"1",
    "1/3",
]


@pytest.mark.parametrize(("given_", "expected"), DECIMALS, ids=lambda value: stable(value)[:30])
def test_a_decimal_is_cast_from_numbers_and_text_of_up_to_a_thousand_digits(given_: object, expected: str) -> None:
    result = DECIMAL.cast(given_)
    assert isinstance(result, Ok)
    assert str(result.value) == expected


@pytest.mark.parametrize("given_", NO_DECIMALS, ids=lambda value: "huge" if isinstance(value, int) else str(value)[:30])
def test_nothing_else_is_cast_to_a_decimal(given_: object) -> None:
    assert DECIMAL.cast(given_) == Err("is invalid")


def test_the_decimal_context_of_the_program_changes_no_cast() -> None:
    with localcontext() as context:
        context.prec = 3
        assert DECIMAL.cast("1.23456") == Ok(Decimal("1.23456"))
        assert DecimalType(scale=5).codec("sqlite").load is not None
        assert DecimalType(scale=5).codec("sqlite").load(123456) == Decimal("1.23456")  # type: ignore[misc]


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ("9.99", "9.99"),
        ("9.9", "9.90"),
        ("9.990", "9.99"),
        (3, "3.00"),
        ("-0.01", "-0.01"),
        ("9" * 998, "9" * 998 + ".00"),
    ],
    ids=lambda value: str(value)[:12],
)
def test_a_decimal_with_a_scale_has_that_many_fraction_digits(given_: object, expected: str) -> None:
    result = DecimalType(scale=2).cast(given_)
    assert isinstance(result, Ok)
    assert str(result.value) == expected


@pytest.mark.parametrize("given_", ["9.999", "0.001", 0.125, "9" * 999], ids=lambda value: str(value)[:12])
def test_a_decimal_that_does_not_fit_its_scale_is_refused_and_never_rounded(given_: object) -> None:
    assert DecimalType(scale=2).cast(given_) == Err("is invalid")


@pytest.mark.parametrize("scale", [-1, 19, True, 2.0, "2"])
def test_a_scale_that_is_no_number_of_digits_is_refused_with_the_range(scale: Any) -> None:
    with pytest.raises(SchemaError, match="give an int from 0 to 18"):
        DecimalType(scale=scale)


REFUSED_DUMPS: list[tuple[Any, Any, str]] = [
    (INTEGER, True, r"expected an integer, got True \(bool\)"),
    (INTEGER, "7", r"expected an integer, got '7' \(str\)"),
    (INTEGER, 1.0, r"got 1.0 \(float\)"),
    (INTEGER, None, r"got None"),
    (INTEGER, 2**63, "64 bits"),
    (INTEGER, -(2**63) - 1, r"Field\[Decimal\]"),
    (INTEGER, 10**5000, "a number of 16610 bits"),
    (FLOAT, "1.5", "expected a float"),
    (FLOAT, True, "expected a float"),
    (FLOAT, Decimal(1), "expected a float"),
    (FLOAT, 2**53 + 1, "cannot hold this integer exactly"),
    (FLOAT, 10**400, "cannot hold this integer exactly"),
    (DECIMAL, 1, "expected a Decimal"),
    (DECIMAL, 1.5, "expected a Decimal"),
    (DECIMAL, "1.5", r'Decimal\("1.5"\)'),
    (DECIMAL, Decimal("NaN"), "finite"),
    (DECIMAL, Decimal("sNaN"), "finite"),
    (DECIMAL, Decimal("Infinity"), "finite"),
    (DECIMAL, Decimal("1E131072"), "1000 digits"),
    (DECIMAL, Decimal("1E-16400"), "1000 digits"),
    (DECIMAL, Decimal((0, (1,) * 1001, 0)), "1000 digits"),
    (DecimalType(scale=2), Decimal("1.005"), r"at most 2 fraction digits.*\n\n.*quantize\(Decimal\('0.01'\)\)"),
]


@pytest.mark.parametrize("target", BOTH)
@pytest.mark.parametrize(
    ("type_", "value", "message"),
    REFUSED_DUMPS,
    ids=lambda value: str(value)[:20] if not isinstance(value, int) else "n",
)
def test_a_number_is_stored_as_it_is_or_refused(type_: Any, value: object, message: str, target: Target) -> None:
    with pytest.raises(CastError, match=f"(?s){message}"):
        type_.codec(target).dump(value)


@pytest.mark.parametrize("target", BOTH)
def test_subclasses_and_exact_integers_are_stored_as_plain_numbers(target: Target) -> None:
    dumped = [INTEGER.codec(target).dump(Level.LOW), FLOAT.codec(target).dump(Length(1.5)), FLOAT.codec(target).dump(3)]
    assert [(one, one.__class__) for one in dumped] == [(1, int), (1.5, float), (3.0, float)]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_sqlite_refuses_floats_that_it_cannot_hold_and_postgres_stores_them(value: float) -> None:
    with pytest.raises(CastError, match="finite float, since SQLite"):
        FLOAT.codec("sqlite").dump(value)
    assert FLOAT.codec("postgres").dump(value) is value


def test_a_scaled_decimal_beyond_64_bits_is_refused_on_sqlite_only() -> None:
    money, large = DecimalType(scale=2), Decimal("92233720368547758.08")
    with pytest.raises(CastError, match="fits an INTEGER of SQLite"):
        money.codec("sqlite").dump(large)
    assert money.codec("postgres").dump(large) == large
    assert money.codec("sqlite").dump(Decimal("92233720368547758.07")) == INT64_MAX


def test_decimals_are_stored_in_plain_digits_on_sqlite() -> None:
    assert [DECIMAL.codec("sqlite").dump(Decimal(one)) for one in ("1E+3", "1.50", "-0.0")] == ["1000", "1.50", "-0.0"]
    assert DecimalType(scale=2).codec("sqlite").dump(Decimal("1.5")) == 150


def test_the_columns_are_those_of_the_storage_table() -> None:
    types = (INTEGER, FLOAT, DECIMAL, DecimalType(scale=2))
    assert [one.codec("postgres").column for one in types] == ["bigint", "float8", "numeric", "numeric(1000,2)"]
    assert [one.codec("sqlite").column for one in types] == ["INTEGER", "REAL", "TEXT", "INTEGER"]


@pytest.mark.parametrize(
    ("type_", "value"),
    [(DECIMAL, "x"), (DECIMAL, None), (DECIMAL, []), (DecimalType(scale=2), "1.5"), (DecimalType(scale=2), 1.5)],
)
def test_what_sqlite_gives_that_is_no_decimal_is_named(type_: Any, value: object) -> None:
    with pytest.raises(CastError, match=r"the database gave .* which is not a decimal"):
        type_.codec("sqlite").load(value)


def test_numbers_are_compared_by_value_and_nan_is_no_change() -> None:
    assert DECIMAL.equal(Decimal(1), Decimal("1.00"))
    assert not DECIMAL.equal(Decimal(1), Decimal("1.01"))
    assert FLOAT.equal(float("nan"), float("nan"))
    assert not FLOAT.equal(float("nan"), 1.0)
    assert FLOAT.equal(0.5, 0.5)


def test_types_are_equal_by_kind_and_parameters() -> None:
    assert DecimalType(scale=2) == DecimalType(scale=2) != DecimalType()
    assert len({INTEGER, FLOAT, DECIMAL, DecimalType(), DecimalType(scale=2)}) == 4
    assert [repr(one) for one in (INTEGER, DecimalType(scale=2))] == ["Integer()", "DecimalType(scale=2)"]
    assert INTEGER != 1
    assert [(one.name, one.python) for one in (INTEGER, FLOAT, DECIMAL)] == [
        ("integer", int),
        ("float", float),
        ("decimal", Decimal),
    ]


HOSTILE = [
    "9" * 1_000_000,
    "-" * 1_000_000,
    "1e3000000",
    "1." * 500_000,
    "1e" * 500_000,
    " " * 1_000_000 + "1",
]


@pytest.mark.parametrize("type_", [INTEGER, FLOAT, DECIMAL, DecimalType(scale=2)])
@pytest.mark.parametrize("value", [*HOSTILE, Decimal("1e3000000"), Decimal("1e-3000000"), 10**200_000], ids=range(9))
def test_hostile_numbers_are_refused_at_once(type_: Any, value: Any, at_once: Any) -> None:
    def refuse() -> None:
        assert type_.cast(value) == Err("is invalid")
        for target in BOTH:
            with pytest.raises(CastError):
                type_.codec(target).dump(value)

    at_once(refuse)

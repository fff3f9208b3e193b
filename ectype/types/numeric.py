"""The types of numbers: 64-bit integers, doubles and decimals.

The accepted text is Ecto's (https://hexdocs.pm/ecto/Ecto.Type.html), in a grammar of its own. Lengths, digits and
exponents are bounded before anything is converted: `int(Decimal("1e3000000"))` alone would take minutes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Clamped, Context, Decimal, DecimalException, Inexact, InvalidOperation, Overflow, Rounded
from math import isfinite
from typing import Any, ClassVar, Final, cast

from ectype.errors import SchemaError
from ectype.result import Err, Ok
from ectype.types.at_once import AtOnce, decimals, floats, integers
from ectype.types.base import Codec, JsonForm, Many, Target, plain
from ectype.types.columns import decimal_array, integer_array, plain_decimals, plain_floats, plain_integers
from ectype.types.refusals import refused, unreadable
from ectype.types.scalars import CAST_FIRST, Scalar

INT64_MIN: Final = -(2**63)
INT64_MAX: Final = 2**63 - 1

MAX_DECIMAL_DIGITS: Final = 1_000
"""Digits of a decimal, and its digits on either side of the point: what `numeric(p)` of PostgreSQL may declare."""

MAX_SCALE: Final = 18
"""Fraction digits of a scaled decimal: a scaled INTEGER of SQLite has 18 digits whatever their values."""

_INTEGER_TEXT: Final = re.compile(r"[+-]?[0-9]+")
_MAX_INTEGER_TEXT: Final = 31
_FLOAT_TEXT: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_MAX_FLOAT_TEXT: Final = 400
_DECIMAL_TEXT: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,5})?")
_MAX_DECIMAL_TEXT: Final = MAX_DECIMAL_DIGITS + 10
_MAX_DECIMAL_BITS: Final = 3_322

# What the first context returns unchanged has at most 1,000 digits, none further than 1,000 places from the point;
# all else traps. The second drops zeros behind the point and traps where it would drop more. Nobody reads their flags.
_EXACT: Final = Context(
    prec=MAX_DECIMAL_DIGITS,
    Emax=MAX_DECIMAL_DIGITS - 1,
    Emin=-1,
    clamp=0,
    traps=[Inexact, Rounded, Clamped, Overflow, InvalidOperation],
)
_RESCALING: Final = Context(prec=MAX_DECIMAL_DIGITS, traps=[Inexact, Overflow, InvalidOperation])


# --- Integer ----------------------------------------------------------------------------------------------------------


@plain("{v}.__class__ is int and -9223372036854775808 <= {v} <= 9223372036854775807")
def _dump_integer(value: Any) -> int:
    if value.__class__ is int and INT64_MIN <= value <= INT64_MAX:
        return value
    if not isinstance(value, int) or isinstance(value, bool):
        raise refused(value, "an integer", hint=CAST_FIRST)
    if not INT64_MIN <= value <= INT64_MAX:
        raise refused(value, "an integer of 64 bits", hint="store larger numbers in a Field[Decimal]")
    return int.__int__(value)


_USUAL_DIGITS: Final = 18
"""So many digits are within 64 bits whatever they are, and a double or a decimal reads them at once."""


def _usual_integer(value: Any) -> int | None:
    if value.__class__ is str:
        return int(value) if len(value) <= _USUAL_DIGITS and value.isdigit() and value.isascii() else None
    return value if value.__class__ is int and INT64_MIN <= value <= INT64_MAX else None


class Integer(Scalar[int]):
    """Whole numbers of 64 bits: `bigint`, `INTEGER`.

    >>> Integer().cast("42"), Integer().cast("4.2")
    (Ok(42), Err('is invalid'))
    """

    __slots__ = ()
    word: ClassVar = "integer"
    value_class: ClassVar = int
    codecs: ClassVar = {
        "postgres": Codec("bigint", _dump_integer, many=Many(plain_integers, integer_array)),
        "sqlite": Codec("INTEGER", _dump_integer, many=Many(plain_integers)),
    }
    form: ClassVar = JsonForm({"type": "integer"})
    quick: ClassVar = _usual_integer
    quick_list: ClassVar = integers

    def cast(self, value: object) -> Ok[int] | Err:
        """Take an int, or text of a sign and digits, 31 characters at most; never a bool or a float."""
        number = whole_number(value)
        return Err() if number is None or not INT64_MIN <= number <= INT64_MAX else Ok(number)


def whole_number(value: object) -> int | None:
    """Return the number that an int, or text with the grammar of `Integer`, stands for; None for all else."""
    if isinstance(value, str):
        if len(value) > _MAX_INTEGER_TEXT:
            return None
        plain = value.isdigit() and value.isascii()
        return int(value) if plain or _INTEGER_TEXT.fullmatch(value) else None
    if isinstance(value, int) and value.__class__ is not bool:
        return int.__int__(value)
    return None


# --- Float ------------------------------------------------------------------------------------------------------------


@plain("{v}.__class__ is float")
def _dump_float(value: Any) -> float:
    if value.__class__ is float:
        return value
    return _other_float(value)


@plain("{v}.__class__ is float and isfinite({v})", isfinite=isfinite)
def _dump_finite(value: Any) -> float:
    if value.__class__ is not float:
        value = _other_float(value)
    if isfinite(value):
        return value
    raise refused(value, "a finite float, since SQLite stores no other", hint="store None, or text")


def _other_float(value: object) -> float:
    """Return a float subclass, or an int that a float holds exactly (the checkers take an int for a float)."""
    if isinstance(value, float):
        return float.__float__(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise refused(value, "a float", hint=CAST_FIRST)
    try:
        number = float(value)
    except OverflowError:
        number = None
    if number is None or number != value:
        raise refused(value, "a float, which cannot hold this integer exactly", hint="round it first: float(value)")
    return number


def _finite_or_none(value: float) -> float | None:
    # JSON has no other numbers; `JSON.stringify` says null for them too.
    return value if isfinite(value) else None


def _usual_float(value: Any) -> float | None:
    if value.__class__ is str:
        whole, point, part = value.partition(".")
        usual = whole.isdigit() and (part.isdigit() or not point) and value.isascii() and len(value) <= _USUAL_DIGITS
        return float(value) if usual else None
    if value.__class__ is int:
        return float(value) if INT64_MIN <= value <= INT64_MAX else None
    return value if value.__class__ is float and isfinite(value) else None


class Float(Scalar[float]):
    """Double precision numbers: `float8`, REAL. NaN and the infinities are stored by PostgreSQL only.

    >>> Float().cast("1.5e3"), Float().cast("nan")
    (Ok(1500.0), Err('is invalid'))
    """

    __slots__ = ()
    word: ClassVar = "float"
    value_class: ClassVar = float
    codecs: ClassVar = {
        "postgres": Codec("float8", _dump_float, many=Many(plain_floats)),
        "sqlite": Codec("REAL", _dump_finite, many=Many(plain_floats)),
    }
    form: ClassVar = JsonForm({"type": ["number", "null"]}, _finite_or_none, accepts={"type": "number"})
    quick: ClassVar = _usual_float
    quick_list: ClassVar = floats

    def cast(self, value: object) -> Ok[float] | Err:
        """Take a finite float, an int, or text as `-1`, `1.5` or `2e-3`; never `.5`, `1_000`, `nan` or `inf`."""
        if isinstance(value, str):
            if len(value) > _MAX_FLOAT_TEXT or not _FLOAT_TEXT.fullmatch(value):
                return Err()
        elif not isinstance(value, float | int) or isinstance(value, bool):
            return Err()
        try:
            number = float(value)
        except OverflowError:
            return Err()
        return Ok(number) if isfinite(number) else Err()

    def equal(self, left: float, right: float) -> bool:
        """Compare as Python does, but NaN is the same as NaN: it is no change."""
        return left == right or (left != left and right != right)  # noqa: PLR0124  # only NaN differs from itself


# --- Decimal ----------------------------------------------------------------------------------------------------------


def _dump_decimal(value: Any) -> Decimal:
    if isinstance(value, Decimal) and value.is_finite():
        try:
            return _EXACT.create_decimal(value)
        except DecimalException:
            raise refused(
                value, f"a Decimal of at most {MAX_DECIMAL_DIGITS} digits", hint="quantize it first"
            ) from None
    if isinstance(value, Decimal):
        raise refused(value, "a finite Decimal", hint="store None for what is not a number")
    raise refused(value, "a Decimal", hint='write Decimal("1.5"), or cast it through a changeset')


def _dump_decimal_text(value: Any) -> str:
    return format(_dump_decimal(value), "f")


def _load_decimal(value: Any) -> Decimal:
    try:
        # A mean is computed as a float: its shortest form, not all digits of its binary one.
        return Decimal(repr(value) if value.__class__ is float else value)
    except (DecimalException, TypeError, ValueError):
        raise unreadable(value, "a decimal") from None


def _rescaling(unit: Decimal) -> Callable[[Any], Decimal]:
    """Return what gives a number the digits of `unit`; it raises a DecimalException where digits would be lost."""
    return lambda number: _RESCALING.quantize(_EXACT.create_decimal(number), unit)


def _many_decimals(convert: Callable[[Any], Decimal]) -> Many:
    return Many(lambda column: plain_decimals(column, convert), lambda column: decimal_array(column, convert))


_DECIMAL: Final[dict[Target, Codec]] = {
    "postgres": Codec("numeric", _dump_decimal, many=_many_decimals(_EXACT.create_decimal)),
    "sqlite": Codec("TEXT", _dump_decimal_text, _load_decimal),
}


def _usual_decimal(value: Any) -> Decimal | None:
    if value.__class__ is not str or len(value) > _USUAL_DIGITS:
        return None
    return Decimal(value) if value.replace(".", "", 1).isdigit() and value.isascii() else None


@dataclass(frozen=True, slots=True)
class DecimalType(Scalar[Decimal]):
    """Decimals of at most 1,000 digits: `numeric`, TEXT.

    Attributes:
        scale: how many fraction digits there are, 0 to 18. A value that has more is refused, never rounded. SQLite
            then stores an INTEGER, which is what makes order and sums possible there; None stores text.

    Raises:
        SchemaError: the scale is none.

    >>> DecimalType().cast("1e3000000"), DecimalType(scale=2).cast("9.99")
    (Err('is invalid'), Ok(Decimal('9.99')))
    """

    scale: int | None = None

    word: ClassVar = "decimal"
    value_class: ClassVar = Decimal

    def __post_init__(self) -> None:
        scale = cast("object", self.scale)
        if scale is None:
            return
        if not isinstance(scale, int) or isinstance(scale, bool) or not 0 <= scale <= MAX_SCALE:
            raise SchemaError(
                f"scale={scale!r} is no number of fraction digits", hint=f"give an int from 0 to {MAX_SCALE}"
            )

    form: ClassVar = JsonForm(
        {"type": "string", "format": "decimal"}, str, accepts={"type": ["number", "string"], "format": "decimal"}
    )

    def cast(self, value: object) -> Ok[Decimal] | Err:
        """Take a finite Decimal, an int, a float by its shortest form, or text as `-1`, `1.50` or `2e-3`."""
        number = _decimal_of(value)
        if number is None or not number.is_finite():
            return Err()
        try:
            number = _EXACT.create_decimal(number)
            return Ok(number if self.scale is None else _RESCALING.quantize(number, Decimal((0, (1,), -self.scale))))
        except DecimalException:
            return Err()

    def usual(self) -> Callable[[Any], Decimal | None] | None:
        """Return what casts plain text at once, where no scale says how many digits there are."""
        return _usual_decimal if self.scale is None and self.__class__ is DecimalType else None

    def usual_list(self) -> AtOnce | None:
        """Return what casts plain texts, ints or Decimals at once."""
        if self.__class__ is not DecimalType:
            return None
        if self.scale is None:
            return lambda values: decimals(values, _EXACT.create_decimal)
        rescale = _rescaling(Decimal((0, (1,), -self.scale)))
        return lambda values: decimals(values, rescale)

    def codec(self, target: Target) -> Codec:
        """Return how decimals are stored, which on SQLite and in DDL depends on the scale."""
        return _DECIMAL[target] if self.scale is None else _scaled_codec(target, self.scale)


def _decimal_of(value: object) -> Decimal | None:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, str):
        return Decimal(value) if len(value) <= _MAX_DECIMAL_TEXT and _DECIMAL_TEXT.fullmatch(value) else None
    if isinstance(value, float):
        return Decimal(float.__repr__(value))
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value) if value.bit_length() <= _MAX_DECIMAL_BITS else None
    return None


def _scaled_codec(target: Target, scale: int) -> Codec:
    unit = Decimal((0, (1,), -scale))

    def dump(value: Any) -> Decimal:
        number = _dump_decimal(value)
        try:
            return _RESCALING.quantize(number, unit)
        except DecimalException:
            raise refused(
                value, f"a Decimal of at most {scale} fraction digits", hint=f"round it: value.quantize({unit!r})"
            ) from None

    def dump_scaled(value: Any) -> int:
        number = int(_EXACT.scaleb(dump(value), scale))
        if INT64_MIN <= number <= INT64_MAX:
            return number
        raise refused(value, f"a Decimal that fits an INTEGER of SQLite scaled by {scale} digits")

    def load_scaled(value: Any) -> Decimal:
        if value.__class__ is int:
            return _EXACT.scaleb(value, -scale)
        raise unreadable(value, f"a decimal, stored as an integer scaled by {scale} digits")

    if target == "sqlite":
        return Codec("INTEGER", dump_scaled, load_scaled)
    rescale = _rescaling(unit)
    return Codec(f"numeric({MAX_DECIMAL_DIGITS},{scale})", dump, many=_many_decimals(rescale))


INTEGER: Final = Integer()
FLOAT: Final = Float()
DECIMAL: Final = DecimalType()

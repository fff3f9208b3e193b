"""Which Arrow type a field type becomes, and the two ways from its values to an Arrow array.

The quick way takes the driver's values as they are and lets Arrow convert them at once; it declines what it does not
know for sure. The plain way takes the values that `repo.all` gives, so that both say the same of every value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from importlib import import_module
from types import ModuleType, NoneType
from typing import Any, Final, cast

from ectype.errors import UnsupportedError
from ectype.types.base import Target, Type
from ectype.types.containers import ArrayType
from ectype.types.custom import CustomField
from ectype.types.duration import Duration
from ectype.types.enums import EnumType
from ectype.types.numeric import DecimalType, Float, Integer
from ectype.types.pydantic import ConstrainedType
from ectype.types.ranges import RangeType
from ectype.types.scalars import Binary, Boolean, Scalar, String, Uuid
from ectype.types.temporal import Date, DateTime, Time
from ectype.types.vector import Vector

MOST_DIGITS: Final = 38
"""Digits of Arrow's decimal128."""
_WIDE_DIGITS: Final = 76
"""Digits of Arrow's decimal256."""
_DAY_LENGTH, _MOMENT_LENGTH, _UUID_LENGTH = 10, 26, 36
_NUMERIC: Final = re.compile(r"\s*(?:numeric|decimal)\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)\s*", re.IGNORECASE)
_UUID: Final = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"


class DeclinedError(Exception):
    """The quick way does not know these values for sure."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How the values of one column become an Arrow array.

    Attributes:
        type: the Arrow type.
        plain: from a value that `repo.all` gives to what Arrow takes; None where Arrow takes it.
        quick: from the driver's values to an array of the type; it raises `DeclinedError`, or what Arrow raises, for
            values that the plain way has to look at. None where there is only the plain way.
    """

    type: Any
    plain: Callable[[Any], Any] | None = None
    quick: Callable[[Sequence[Any]], Any] | None = None


def pyarrow(method: str) -> ModuleType:
    """Return pyarrow, which is imported when it is first needed.

    Raises:
        UnsupportedError: it is not installed; `method` is what needs it.
    """
    return extra("pyarrow", method, "arrow")


def extra(module: str, method: str, name: str) -> ModuleType:
    """Return a module that an extra of ectype brings. Raises UnsupportedError where it is not installed."""
    try:
        return import_module(module)
    except ImportError as exc:
        raise UnsupportedError(
            f"`{method}` needs {module}, which cannot be imported: {exc}", hint=f"pip install 'ectype[{name}]'"
        ) from exc


def kind_of(type_: Type[Any], target: Target, column: str | None = None) -> Kind:
    """Return how values of a field type become an Arrow array.

    Args:
        type_: the field's type.
        target: whose driver gives the values.
        column: the column's type in the database where its declaration says one, as `numeric(12,2)`.
    """
    pa = pyarrow("to_arrow")
    if isinstance(type_, ConstrainedType):
        return kind_of(type_.inner, target, column)
    if isinstance(type_, CustomField):
        stored = kind_of(type_.stores, target, column)
        return Kind(stored.type, _after(type_.custom.dump, stored.plain), stored.quick)
    for known, make in _MAKERS.items():
        if isinstance(type_, known):
            return make(pa, type_, target, column)
    if isinstance(type_, Scalar):
        return _by_json(pa, type_)
    return _document(pa, type_, target)


def _after(first: Callable[[Any], Any], second: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    return first if second is None else lambda value: second(first(value))


def _classes(values: Sequence[Any]) -> set[type]:
    found = set(map(type, values))
    found.discard(NoneType)
    return found


def _as_class(kind: type, make: Callable[[Sequence[Any]], Any]) -> Callable[[Sequence[Any]], Any]:
    """Return a quick way for values of just one class."""

    def quick(values: Sequence[Any]) -> Any:
        if not _classes(values) <= {kind}:
            raise DeclinedError
        return make(values)

    return quick


def _arrays(pa: ModuleType, type_: Any) -> Callable[[Sequence[Any]], Any]:
    return lambda values: pa.array(values, type_)


# --- Scalars ----------------------------------------------------------------------------------------------------------


def _integer(pa: ModuleType, _type: Any, _target: Target, _column: str | None) -> Kind:
    return Kind(pa.int64(), None, _as_class(int, _arrays(pa, pa.int64())))


def _float(pa: ModuleType, _type: Any, _target: Target, _column: str | None) -> Kind:
    return Kind(pa.float64(), None, _as_class(float, _arrays(pa, pa.float64())))


def _text(pa: ModuleType, _type: Any, _target: Target, _column: str | None) -> Kind:
    return Kind(pa.string(), None, _as_class(str, _arrays(pa, pa.string())))


def _binary(pa: ModuleType, _type: Any, _target: Target, _column: str | None) -> Kind:
    return Kind(pa.binary(), None, _as_class(bytes, _arrays(pa, pa.binary())))


def _boolean(pa: ModuleType, _type: Any, target: Target, _column: str | None) -> Kind:
    if target == "postgres":
        return Kind(pa.bool_(), None, _as_class(bool, _arrays(pa, pa.bool_())))

    def bits(values: Sequence[Any]) -> Any:
        if not set(values) <= {0, 1, None}:
            raise DeclinedError
        return pa.array(values, pa.int64()).cast(pa.bool_())

    return Kind(pa.bool_(), None, _as_class(int, bits))


def _uuid(pa: ModuleType, _type: Any, target: Target, _column: str | None) -> Kind:
    if target == "postgres":
        return Kind(
            pa.string(), str, lambda values: pa.array([None if v is None else str(v) for v in values], pa.string())
        )
    compute = import_module("pyarrow.compute")

    def canonical(values: Sequence[Any]) -> Any:
        found = pa.array(values, pa.string())
        if not compute.all(compute.match_substring_regex(found, _UUID)).as_py() and found.null_count < len(found):
            raise DeclinedError
        return found

    return Kind(pa.string(), str, _as_class(str, canonical))


def _enum(pa: ModuleType, type_: Any, target: Target, _column: str | None) -> Kind:
    numbers = {member.value.__class__ for member in type_.enum} == {int}
    made = pa.int64() if numbers else pa.string()
    load = cast("EnumType[Any]", type_).codec(target).load

    def members(values: Sequence[Any]) -> Any:
        if load is None:
            raise DeclinedError
        known = {one: load(one).value for one in set(values) if one is not None}
        return pa.array([known.get(value) for value in values], made)

    return Kind(made, lambda member: member.value, members)


def _decimal(pa: ModuleType, type_: Any, target: Target, column: str | None) -> Kind:
    digits, scale = _declared(cast("DecimalType", type_), column)
    if scale is None:
        return Kind(pa.string(), lambda value: format(value, "f"), _as_class(str, _arrays(pa, pa.string())))
    made = pa.decimal128(digits, scale) if digits <= MOST_DIGITS else pa.decimal256(digits, scale)
    if target == "postgres":
        return Kind(made, None, _as_class(Decimal, _arrays(pa, made)))
    return Kind(made)


def _declared(type_: DecimalType, column: str | None) -> tuple[int, int | None]:
    """Return the digits and the scale that a declaration says; no scale where it says none that Arrow has."""
    found = None if column is None else _NUMERIC.fullmatch(column)
    if found is not None:
        digits, scale = int(found[1]), int(found[2] or 0)
        return (digits, scale) if digits <= _WIDE_DIGITS and scale <= digits else (digits, None)
    return MOST_DIGITS, type_.scale


# --- Days and times ---------------------------------------------------------------------------------------------------


def _date(pa: ModuleType, _type: Any, _target: Target, _column: str | None) -> Kind:
    def parsed(values: Sequence[Any]) -> Any:
        found = pa.array(values, pa.string())
        _of_length(found, _DAY_LENGTH)
        return found.cast(pa.date32())

    return Kind(pa.date32(), None, _as_class(str, parsed))


def _moment(pa: ModuleType, _type: Any, target: Target, _column: str | None) -> Kind:
    made = pa.timestamp("us", tz="UTC")

    def parsed(values: Sequence[Any]) -> Any:
        found = pa.array(values, pa.string())
        if target == "postgres":
            return found.cast(made)
        _of_length(found, _MOMENT_LENGTH)
        return found.cast(pa.timestamp("us")).cast(made)

    return Kind(made, None, _as_class(str, parsed))


def _of_length(found: Any, length: int) -> None:
    compute = import_module("pyarrow.compute")
    bounds = compute.min_max(compute.binary_length(found)).as_py()
    if bounds["min"] not in (length, None) or bounds["max"] not in (length, None):
        raise DeclinedError


def _time(pa: ModuleType, _type: Any, _target: Target, _column: str | None) -> Kind:
    made = pa.time64("us")
    compute = import_module("pyarrow.compute")

    def parsed(values: Sequence[Any]) -> Any:
        # Arrow reads no times of day from text, but moments.
        day = compute.binary_join_element_wise("1970-01-01", pa.array(values, pa.string()), " ")
        return day.cast(pa.timestamp("us")).cast(made)

    return Kind(made, None, _as_class(str, parsed))


def _duration(pa: ModuleType, _type: Any, target: Target, _column: str | None) -> Kind:
    made = pa.duration("us")
    if target == "postgres":
        return Kind(made)
    return Kind(made, None, _as_class(int, lambda values: pa.array(values, pa.int64()).cast(made)))


# --- Lists, documents, and what has a type of its own -----------------------------------------------------------------


def _array(pa: ModuleType, type_: Any, target: Target, _column: str | None) -> Kind:
    inner = kind_of(type_.element, target)
    made = pa.list_(pa.field("item", inner.type, nullable=type_.nullable))
    plain = inner.plain
    if plain is not None:
        return Kind(made, lambda items: [None if item is None else plain(item) for item in items])
    return Kind(made)


def _vector(pa: ModuleType, _type: Any, _target: Target, _column: str | None) -> Kind:
    return Kind(pa.list_(pa.field("item", pa.float64(), nullable=False)))


def _range(pa: ModuleType, type_: Any, _target: Target, _column: str | None) -> Kind:
    # The text that SQLite stores is the one that PostgreSQL prints.
    return Kind(pa.string(), type_.codec("sqlite").dump)


def _by_json(pa: ModuleType, type_: Scalar[Any]) -> Kind:
    """Return the kind of a scalar that Arrow has no type for: the text that JSON says of it."""
    form = type_.json_form()
    dump = None if form is None else form.dump
    return Kind(pa.string(), str if dump is None else _after(dump, str))


def _document(pa: ModuleType, type_: Type[Any], target: Target) -> Kind:
    dump = type_.codec(target).dump

    def stored(values: Sequence[Any]) -> Any:
        return pa.array([None if value == "null" else value for value in values], pa.string())

    # What a path into a document leads to is no document of its own on SQLite.
    quick = None if type_.name == "json" and target == "sqlite" else _as_class(str, stored)
    return Kind(pa.string(), dump, quick)


_MAKERS: Final[dict[type, Callable[[ModuleType, Any, Target, str | None], Kind]]] = {
    Integer: _integer,
    Float: _float,
    DecimalType: _decimal,
    Boolean: _boolean,
    String: _text,
    Binary: _binary,
    Uuid: _uuid,
    Date: _date,
    DateTime: _moment,
    Time: _time,
    Duration: _duration,
    EnumType: _enum,
    ArrayType: _array,
    Vector: _vector,
    RangeType: _range,
}

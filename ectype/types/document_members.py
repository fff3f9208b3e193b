"""How a value of each type stands inside a JSON document: what an embed's members are made of.

Numbers, texts, booleans and documents stand as themselves; a datetime as ISO 8601 in UTC, always 27 characters, so that
text order is time order; bytes as hex digits, as in lists; a Decimal as text; all else as the text or number that
SQLite stores for it. Stored documents outlive code: these forms never change.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, Protocol, cast, runtime_checkable

from ectype.types.base import Type
from ectype.types.containers import AnyType, ArrayType, dump_list_for
from ectype.types.custom import CustomField
from ectype.types.documents import copied, decode, find_fault, path_text, text_of
from ectype.types.numeric import DECIMAL, DecimalType, Float
from ectype.types.refusals import refused, unreadable
from ectype.types.scalars import BINARY, Binary, Boolean
from ectype.types.temporal import DateTime
from ectype.types.vector import Vector

Convert = Callable[[Any], Any]


class Member(NamedTuple):
    """How a type stands inside a document. Neither function is given None.

    Attributes:
        dump: from the Python value to JSON's. Raises CastError for what is no value of the type.
        load: from JSON's value to Python's. Raises CastError, ValueError, TypeError or KeyError for what is none.
    """

    dump: Convert
    load: Convert


@runtime_checkable
class Embeddable(Protocol):
    """A type that says itself how its values stand inside a document."""

    def member(self) -> Member:
        """Return how."""
        ...


def member_of(type_: Type[Any]) -> Member:
    r"""Return how values of a type stand inside a document.

    >>> from ectype.types.scalars import BINARY
    >>> member_of(BINARY).dump(b"\x00\xff")
    '00ff'
    """
    if isinstance(type_, Embeddable):
        return type_.member()
    if isinstance(type_, CustomField):
        return _custom(type_)
    inner = getattr(type_, "inner", None)
    if isinstance(inner, Type):
        return _constrained(type_, cast("Type[Any]", inner))
    if isinstance(type_, ArrayType):
        return _array(type_)
    special = _SPECIAL.get(type_.__class__)
    if special is not None:
        return special
    if isinstance(type_, DecimalType):
        return _decimal(type_)
    codec = type_.codec("sqlite")
    if type_.codec("postgres").column == "jsonb" or isinstance(type_, Vector):
        read = codec.load or _as_it_is

        def dump(value: Any) -> Any:
            return decode(codec.dump(value))

        def load(value: Any) -> Any:
            return read(text_of(value))

        return Member(dump, load)
    # Where a driver's value needs no loading, `dump` is what says that it fits.
    return Member(codec.dump, codec.load or codec.dump)


def _as_it_is(value: Any) -> Any:
    return value


def _custom(type_: CustomField) -> Member:
    inner = member_of(type_.stores)
    return Member(type_.dumped_by(inner.dump), type_.loaded_by(inner.load))


def _constrained(type_: Type[Any], inner: Type[Any]) -> Member:
    check, within = cast("Any", type_).check, member_of(inner)

    def dump(value: Any) -> Any:
        made = within.dump(value)
        check(value)
        return made

    return Member(dump, within.load)


def _array(type_: ArrayType) -> Member:
    one = member_of(type_.element)

    def load(value: Any) -> list[Any]:
        if value.__class__ is not list or (None in value and not type_.nullable):
            raise unreadable(value, "a list")
        return [None if item is None else one.load(item) for item in value]

    return Member(dump_list_for(one.dump, nullable=type_.nullable), load)


def _decimal(type_: DecimalType) -> Member:
    check, text = type_.codec("postgres").dump, DECIMAL.codec("sqlite")

    def dump(value: Any) -> Any:
        return text.dump(check(value))

    def load(value: Any) -> Any:
        if value.__class__ is not str:
            raise unreadable(value, "a Decimal, stored as text")
        return text.load(value) if text.load else value

    return Member(dump, load)


def _load_boolean(value: Any) -> bool:
    if value.__class__ is not bool:
        raise unreadable(value, "true or false")
    return bool(value)


def _load_float(value: Any) -> float:
    # A database may write a whole float without its point.
    if value.__class__ is not float and value.__class__ is not int:
        raise unreadable(value, "a number")
    return float(value)


def _dump_bytes(value: Any) -> Any:
    return BINARY.codec("sqlite").dump(value).hex()


def _load_bytes(value: Any) -> bytes:
    try:
        return bytes.fromhex(value)
    except (TypeError, ValueError):
        raise unreadable(value, "bytes, stored as hex digits") from None


_datetime_text: Final = DateTime().codec("sqlite").dump


def _dump_datetime(value: Any) -> str:
    return f"{_datetime_text(value).replace(' ', 'T')}Z"


def _load_datetime(value: Any) -> datetime:
    found = datetime.fromisoformat(value)
    if found.tzinfo is None:
        raise unreadable(value, "a datetime with its zone, as 2026-11-01T09:02:03.123456Z")
    return found.astimezone(UTC)


def _dump_any(value: Any) -> Any:
    fault = find_fault(value)
    if fault is not None:
        where = f" at {path_text(fault.path)}" if fault.path else ""
        raise refused(value, f"a JSON value, and it{where} {fault.reason}")
    return copied(value)


_SPECIAL: Final[dict[type, Member]] = {
    Boolean: Member(Boolean().codec("postgres").dump, _load_boolean),
    Float: Member(Float().codec("sqlite").dump, _load_float),
    Binary: Member(_dump_bytes, _load_bytes),
    DateTime: Member(_dump_datetime, _load_datetime),
    AnyType: Member(_dump_any, copied),
}

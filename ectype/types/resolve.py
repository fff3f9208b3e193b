"""Which type stores an annotation: the only place where annotations become types.

Scalars, enums, arrays of scalars and plain JSON are ours; every other annotation is pydantic's, which is imported only
then, since that takes a third of the time that `import ectype` may take.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from importlib import import_module
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, NewType, TypeVar, Union, cast, get_args, get_origin
from uuid import UUID

from ectype.errors import SchemaError
from ectype.types.annotations import (
    RawAnnotation,
    annotation_text,
    evaluate,
    is_optional_text,
    read_annotations,
    read_class_annotations,
)
from ectype.types.base import FieldType, Type
from ectype.types.containers import ANY, JSON, JSON_LIST, JSON_OBJECT, ArrayType
from ectype.types.custom import CustomField, CustomType
from ectype.types.duration import DURATION
from ectype.types.enums import EnumType
from ectype.types.intervals import INTERVAL, Interval
from ectype.types.network import IpAddress, IpNetwork
from ectype.types.numeric import DECIMAL, FLOAT, INTEGER, DecimalType
from ectype.types.ranges import Range, RangeType
from ectype.types.scalars import BINARY, BOOLEAN, STRING, UUID_TYPE, Scalar, is_scalar
from ectype.types.temporal import DATE, DATETIME, TIME

__all__ = [
    "RawAnnotation",
    "annotation_text",
    "evaluate",
    "field_type",
    "is_optional_text",
    "read_annotations",
    "read_class_annotations",
]

_TYPES: Final[dict[object, Type[Any]]] = {
    int: INTEGER,
    str: STRING,
    bool: BOOLEAN,
    float: FLOAT,
    Decimal: DECIMAL,
    bytes: BINARY,
    UUID: UUID_TYPE,
    date: DATE,
    time: TIME,
    datetime: DATETIME,
    timedelta: DURATION,
    Interval: INTERVAL,
    IPv4Address: IpAddress((IPv4Address,)),
    IPv6Address: IpAddress((IPv6Address,)),
    IPv4Network: IpNetwork((IPv4Network,)),
    IPv6Network: IpNetwork((IPv6Network,)),
    dict: JSON_OBJECT,
    list: JSON_LIST,
    object: ANY,
}


_UNIONS: Final[dict[frozenset[Any], Type[Any]]] = {
    frozenset((IPv4Address, IPv6Address)): IpAddress((IPv4Address, IPv6Address)),
    frozenset((IPv4Network, IPv6Network)): IpNetwork((IPv4Network, IPv6Network)),
}


def field_type(annotation: object, *, scale: int | None = None, given: object = None) -> tuple[Type[Any], bool]:
    """Return the type that stores an evaluated annotation, and whether None is one of its values.

    Args:
        annotation: what stands in the brackets of `Field[…]`, evaluated.
        scale: the fraction digits of a Decimal; see `DecimalType`.
        given: what `field(type=…)` says instead, a class or an instance; None where it says nothing.

    Raises:
        SchemaError: nothing stores the annotation, or it has a scale and is no Decimal, or the type that was given is
            one of other values.

    >>> field_type(int | None)
    (Integer(), True)
    """
    wanted, nullable = _without_none(annotation)
    if wanted is Any or wanted is object:
        nullable = True
    found = _type_of(wanted) if given is None else _given(given, wanted)
    return (found if scale is None else _scaled(found, annotation, scale)), nullable


def _scaled(found: Type[Any], annotation: object, scale: int) -> Type[Any]:
    scaled = DecimalType(scale=scale)
    if found is DECIMAL:
        return scaled
    if getattr(found, "inner", None) is DECIMAL:
        return _pydantic().ConstrainedType(found.python, scaled)
    raise SchemaError(
        f"scale={scale} is for Decimal, and the field is of {annotation_text(annotation)}", hint="drop `scale=`"
    )


def _given(given: object, wanted: Any) -> Type[Any]:
    """Return the type that a field names itself, for its values or for those of its list."""
    found = _named(given)
    if get_origin(wanted) is Annotated:
        wanted = get_args(wanted)[0]
    if _fits(found, wanted):
        return found
    if get_origin(wanted) is list:
        item, nullable = _without_none(get_args(wanted)[0])
        if is_scalar(found) and _fits(found, item):
            return ArrayType(found, nullable)
    raise SchemaError(
        f"`type=` gives a type of {annotation_text(found.python)}, and the field is of {annotation_text(wanted)}",
        hint=f"write `Field[{annotation_text(found.python)}]`, or give a type of {annotation_text(wanted)}",
    )


def _fits(found: Type[Any], wanted: Any) -> bool:
    return wanted is Any or found.python is Any or isinstance(found.python, str | TypeVar) or found.python == wanted


def _named(given: Any) -> Type[Any]:
    if isinstance(given, Type):
        return cast("Type[Any]", given)
    if isinstance(given, CustomType) or (isinstance(given, type) and issubclass(given, CustomType)):
        return CustomField.of(given)
    if isinstance(given, type) and issubclass(given, Type):
        try:
            return cast("Any", given)()
        except TypeError as exc:
            raise SchemaError(
                f"{given.__name__} takes options, and none were given: {exc}", hint=f"write `{given.__name__}(…)`"
            ) from exc
    raise SchemaError(
        f"`type=` takes a type of a field, got {given!r:.80}",
        hint='give CIText, pg_enum(Role, name="role"), or a class of your own: class Slug(CustomType[str, str])',
    )


def _is_named(one: object) -> bool:
    return isinstance(one, FieldType) or (isinstance(one, type) and issubclass(one, FieldType))


def _without_none(annotation: Any) -> tuple[Any, bool]:
    """Follow aliases and new types, and take None out of unions, literals and what is annotated."""
    if annotation.__class__ is NewType:
        return _without_none(annotation.__supertype__)
    if annotation.__class__.__name__ == "TypeAliasType":  # of typing from 3.12, of typing_extensions before
        return _without_none(annotation.__value__)
    origin = get_origin(annotation)
    if origin is Annotated:
        first, *metadata = get_args(annotation)
        inner, nullable = _without_none(first)
        return Annotated[(inner, *metadata)], nullable
    if origin is Literal:
        values = tuple(one for one in get_args(annotation) if one is not None)
        return (Literal[values] if values else None), len(values) < len(get_args(annotation))
    if origin is not Union and origin is not UnionType:
        return annotation, False
    members = [_without_none(one) for one in get_args(annotation) if one is not NoneType]
    nullable = len(members) < len(get_args(annotation)) or any(optional for _, optional in members)
    return Union[tuple(member for member, _ in members)], nullable  # noqa: UP007  # known at run time only


def _type_of(annotation: Any) -> Type[Any]:
    if annotation is Any:
        return ANY
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is None and _is_named(annotation):
        return _named(annotation)
    if origin is None and isinstance(annotation, type):
        return _type_of_class(annotation)
    if origin is list:
        return _list_of(annotation, arguments[0])
    if origin is dict and arguments[0] is str and _is_anything(arguments[1]):
        return JSON_OBJECT
    if origin is Union and _is_json(arguments):
        return JSON
    if origin is Annotated:
        return _annotated(annotation)
    if origin is Range:
        return RangeType(_type_of(arguments[0]))
    if origin is Union and frozenset(arguments) in _UNIONS:
        return _UNIONS[frozenset(arguments)]
    if origin is Literal:
        return _literal(annotation, arguments)
    if annotation is None or isinstance(annotation, str | TypeVar):
        raise SchemaError(
            f"a field of {annotation_text(annotation)} cannot be stored", hint="say what it holds, as Field[str]"
        )
    return _pydantic().PydanticType(annotation, annotation_text(annotation))


def _type_of_class(cls: type) -> Type[Any]:
    found = _TYPES.get(cls)
    if found is not None:
        return found
    if issubclass(cls, Enum):
        return EnumType(cls)
    if cls is Range:
        raise SchemaError("a field of Range does not say what its bounds are", hint="write Range[int] or Range[date]")
    if cls is NoneType:
        raise SchemaError("a field of None cannot be stored", hint="say what it holds, as Field[str | None]")
    return _pydantic().PydanticType(cls, cls.__name__)


def _is_anything(annotation: object) -> bool:
    return annotation is Any or annotation is object


def _is_json(members: tuple[Any, ...]) -> bool:
    return len(members) == 2 and {id(_type_of_plain(one)) for one in members} == {id(JSON_OBJECT), id(JSON_LIST)}


def _type_of_plain(annotation: Any) -> Type[Any] | None:
    """Return the type of what is a plain container of anything; None for all else, which must not be compiled."""
    plain = annotation in (dict, list) or (
        get_origin(annotation) in (dict, list) and _is_anything(get_args(annotation)[-1])
    )
    return _type_of(annotation) if plain else None


def _list_of(annotation: Any, item: Any) -> Type[Any]:
    if _is_anything(item):
        return JSON_LIST
    element, nullable = field_type(item)
    if is_scalar(element):
        return ArrayType(element, nullable)
    return _pydantic().PydanticType(annotation, annotation_text(annotation))


def _annotated(annotation: Any) -> Type[Any]:
    """Return the type of `Annotated[…]`: one named there, or that of its annotation, with the constraints on top."""
    first, *metadata = get_args(annotation)
    named = [one for one in metadata if _is_named(one)]
    if len(named) > 1:
        raise SchemaError(f"{annotation_text(annotation)} names two types", hint="leave one of them out")
    if not named:
        return _constrained(annotation, _type_of(first))
    found = _given(named[0], first)
    constraints = [one for one in metadata if not _is_named(one)]
    return _constrained(Annotated[(first, *constraints)], found) if constraints else found


def _constrained(annotation: Any, inner: Type[Any]) -> Type[Any]:
    if isinstance(inner, Scalar):
        return _pydantic().ConstrainedType(annotation, inner)
    return _pydantic().PydanticType(annotation, annotation_text(annotation))


def _literal(annotation: Any, values: tuple[object, ...]) -> Type[Any]:
    kinds = {value.__class__ for value in values}
    kind = kinds.pop() if len(kinds) == 1 else NoneType
    if kind in (str, int, bool, bytes) or issubclass(kind, Enum):
        return _constrained(annotation, _type_of_class(kind))
    return _pydantic().PydanticType(annotation, annotation_text(annotation))


def _pydantic() -> Any:
    # pydantic takes 50 ms to import, and a program without models and constraints needs none of it.
    return import_module("ectype.types.pydantic")

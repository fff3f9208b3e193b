"""Which type stores an annotation: the only place where annotations become types.

Scalars, enums, arrays of scalars and plain JSON are ours; every other annotation is pydantic's, which is imported only
then, since that takes a third of the time that `import ectype` may take.
"""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from importlib import import_module
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, NewType, TypeVar, Union, get_args, get_origin
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
from ectype.types.base import Type
from ectype.types.containers import ANY, JSON, JSON_LIST, JSON_OBJECT, ArrayType, EnumType
from ectype.types.duration import DURATION
from ectype.types.numeric import DECIMAL, FLOAT, INTEGER, DecimalType
from ectype.types.scalars import BINARY, BOOLEAN, STRING, UUID_TYPE, Scalar
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
    dict: JSON_OBJECT,
    list: JSON_LIST,
    object: ANY,
}


def field_type(annotation: object, *, scale: int | None = None) -> tuple[Type[Any], bool]:
    """Return the type that stores an evaluated annotation, and whether None is one of its values.

    Args:
        annotation: what stands in the brackets of `Field[…]`, evaluated.
        scale: the fraction digits of a Decimal; see `DecimalType`.

    Raises:
        SchemaError: nothing stores the annotation, or it has a scale and is no Decimal.

    >>> field_type(int | None)
    (Integer(), True)
    """
    wanted, nullable = _without_none(annotation)
    if wanted is Any or wanted is object:
        nullable = True
    found = _type_of(wanted)
    if scale is None:
        return found, nullable
    if found is not DECIMAL:
        raise SchemaError(
            f"scale={scale} is for Decimal, and the field is of {annotation_text(annotation)}", hint="drop `scale=`"
        )
    return DecimalType(scale=scale), nullable


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
    if origin is None and isinstance(annotation, type):
        return _type_of_class(annotation)
    if origin is list:
        return _list_of(annotation, arguments[0])
    if origin is dict and arguments[0] is str and _is_anything(arguments[1]):
        return JSON_OBJECT
    if origin is Union and _is_json(arguments):
        return JSON
    if origin is Annotated:
        return _constrained(annotation, _type_of(arguments[0]))
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
    if isinstance(element, Scalar):
        return ArrayType(element, nullable)
    return _pydantic().PydanticType(annotation, annotation_text(annotation))


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

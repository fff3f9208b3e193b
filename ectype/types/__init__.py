"""Field types: how a value is cast from outside, and how each database stores it.

`field_type` finds the type of an annotation; `ectype.types.pydantic` holds the two that need pydantic.
"""

from ectype.types.base import Codec, Target, Type
from ectype.types.beyond import BeyondDate, BeyondDateTime, BeyondTime
from ectype.types.containers import AnyType, ArrayType, EnumType, Json
from ectype.types.duration import Duration
from ectype.types.numeric import DecimalType, Float, Integer
from ectype.types.resolve import field_type
from ectype.types.scalars import Binary, Boolean, Scalar, String, Uuid
from ectype.types.temporal import Date, DateTime, Time

__all__ = [
    "AnyType",
    "ArrayType",
    "BeyondDate",
    "BeyondDateTime",
    "BeyondTime",
    "Binary",
    "Boolean",
    "Codec",
    "Date",
    "DateTime",
    "DecimalType",
    "Duration",
    "EnumType",
    "Float",
    "Integer",
    "Json",
    "Scalar",
    "String",
    "Target",
    "Time",
    "Type",
    "Uuid",
    "field_type",
]

"""Field types: how a value is cast from outside, and how each database stores it.

`field_type` finds the type of an annotation; `ectype.types.pydantic` holds the two that need pydantic.
"""

from ectype.types.base import Codec, Description, FieldType, Target, Type
from ectype.types.beyond import BeyondDate, BeyondDateTime, BeyondTime
from ectype.types.containers import AnyType, ArrayType, Json
from ectype.types.custom import CustomField, CustomType
from ectype.types.duration import Duration
from ectype.types.enums import EnumType, NativeEnum, pg_enum
from ectype.types.intervals import Interval, IntervalType
from ectype.types.network import IpAddress, IpNetwork, MacAddress
from ectype.types.numeric import DecimalType, Float, Integer
from ectype.types.ranges import Range, RangeType
from ectype.types.resolve import field_type
from ectype.types.scalars import Binary, Boolean, Scalar, String, Uuid
from ectype.types.temporal import Date, DateTime, Time
from ectype.types.text import ULID, CIText
from ectype.types.unique import ulid, uuid7
from ectype.types.vector import Vector

__all__ = [
    "ULID",
    "AnyType",
    "ArrayType",
    "BeyondDate",
    "BeyondDateTime",
    "BeyondTime",
    "Binary",
    "Boolean",
    "CIText",
    "Codec",
    "CustomField",
    "CustomType",
    "Date",
    "DateTime",
    "DecimalType",
    "Description",
    "Duration",
    "EnumType",
    "FieldType",
    "Float",
    "Integer",
    "Interval",
    "IntervalType",
    "IpAddress",
    "IpNetwork",
    "Json",
    "MacAddress",
    "NativeEnum",
    "Range",
    "RangeType",
    "Scalar",
    "String",
    "Target",
    "Time",
    "Type",
    "Uuid",
    "Vector",
    "field_type",
    "pg_enum",
    "ulid",
    "uuid7",
]

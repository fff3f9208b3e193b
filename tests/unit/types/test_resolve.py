import subprocess
import sys
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Annotated, Any, Dict, List, Literal, NewType, TypeVar  # noqa: UP035
from uuid import UUID

import pytest
from pydantic import BaseModel
from typing_extensions import TypeAliasType

from ectype.errors import SchemaError
from ectype.types import resolve
from ectype.types.containers import ANY, JSON, JSON_LIST, JSON_OBJECT, ArrayType
from ectype.types.duration import DURATION
from ectype.types.enums import EnumType
from ectype.types.numeric import DECIMAL, FLOAT, INTEGER, DecimalType
from ectype.types.pydantic import ConstrainedType, PydanticType
from ectype.types.resolve import field_type
from ectype.types.scalars import BINARY, BOOLEAN, STRING, UUID_TYPE
from ectype.types.temporal import DATE, DATETIME, TIME

T = TypeVar("T")
UserId = NewType("UserId", int)
MaybeName = TypeAliasType("MaybeName", str | None)


class Role(StrEnum):
    ADMIN = "admin"


class Mixed(Enum):
    A = 1
    B = "b"


class Address(BaseModel):
    street: str


@dataclass
class Point:
    x: int


class Plain:
    pass


SHORT: Any = Annotated[str, "short"]


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (int, INTEGER),
        (str, STRING),
        (bool, BOOLEAN),
        (float, FLOAT),
        (Decimal, DECIMAL),
        (bytes, BINARY),
        (UUID, UUID_TYPE),
        (date, DATE),
        (time, TIME),
        (datetime, DATETIME),
        (timedelta, DURATION),
        (dict, JSON_OBJECT),
        (list, JSON_LIST),
        (dict[str, Any], JSON_OBJECT),
        (dict[str, object], JSON_OBJECT),
        (Dict[str, Any], JSON_OBJECT),  # noqa: UP006
        (list[Any], JSON_LIST),
        (list[object], JSON_LIST),
        (dict[str, Any] | list[Any], JSON),
        (list | dict, JSON),
        (UserId, INTEGER),
    ],
    ids=str,
)
def test_two_fields_of_one_annotation_share_their_type(annotation: Any, expected: Any) -> None:
    found, nullable = field_type(annotation, scale=None)
    assert found is expected
    assert not nullable
    assert field_type(annotation | None) == (expected, True)


@pytest.mark.parametrize(
    ("annotation", "expected", "nullable"),
    [
        (int | None, INTEGER, True),
        (UserId | None, INTEGER, True),
        (MaybeName, STRING, True),
        (MaybeName | None, STRING, True),
        (Any, ANY, True),
        (object, ANY, True),
        (Role, EnumType(Role), False),
        (Role | None, EnumType(Role), True),
        (list[int], ArrayType(INTEGER), False),
        (List[int], ArrayType(INTEGER), False),  # noqa: UP006
        (list[int | None], ArrayType(INTEGER, nullable=True), False),
        (list[Role] | None, ArrayType(EnumType(Role)), True),
        (list[UserId], ArrayType(INTEGER), False),
        (list[SHORT], ArrayType(ConstrainedType(SHORT, STRING)), False),
        (list[list[int]], PydanticType(list[list[int]], ""), False),
        (list[Address], PydanticType(list[Address], ""), False),
        (list[dict[str, Any]], PydanticType(list[dict[str, Any]], ""), False),
        (dict[str, int], PydanticType(dict[str, int], ""), False),
        (dict[int, Any], PydanticType(dict[int, Any], ""), False),
        (Address, PydanticType(Address, ""), False),
        (Address | None, PydanticType(Address, ""), True),
        (Point, PydanticType(Point, ""), False),
        (int | str, PydanticType(int | str, ""), False),
        (int | str | None, PydanticType(int | str, ""), True),
        (dict[str, Any] | list[int], PydanticType(dict[str, Any] | list[int], ""), False),
        (tuple[int, ...], PydanticType(tuple[int, ...], ""), False),
        (SHORT, ConstrainedType(SHORT, STRING), False),
        (SHORT | None, ConstrainedType(SHORT, STRING), True),
        (Annotated[str | None, "short"], ConstrainedType(SHORT, STRING), True),
        (Annotated[Address, "x"], PydanticType(Annotated[Address, "x"], ""), False),
        (Literal["a", "b"], ConstrainedType(Literal["a", "b"], STRING), False),
        (Literal["a", None], ConstrainedType(Literal["a"], STRING), True),
        (Literal[1, 2], ConstrainedType(Literal[1, 2], INTEGER), False),
        (Literal[True], ConstrainedType(Literal[True], BOOLEAN), False),
        (Literal[Role.ADMIN], ConstrainedType(Literal[Role.ADMIN], EnumType(Role)), False),
        (Literal["a", 1], PydanticType(Literal["a", 1], ""), False),
    ],
    ids=str,
)
def test_every_annotation_finds_its_type(annotation: Any, expected: Any, nullable: bool) -> None:
    assert field_type(annotation) == (expected, nullable)


def test_pydantic_types_carry_the_annotation_as_one_writes_it() -> None:
    assert field_type(int | str)[0].name == "int | str"
    assert field_type(list[Address])[0].name == "list[Address]"
    assert field_type(Address)[0].name == "Address"


def test_a_scale_is_for_decimals_only() -> None:
    assert field_type(Decimal, scale=2) == (DecimalType(scale=2), False)
    assert field_type(Decimal | None, scale=0) == (DecimalType(scale=0), True)
    for wrong in (int, list[Decimal], str):
        with pytest.raises(SchemaError, match=r"scale=2 is for Decimal.*\n\nhint: drop `scale=`"):
            field_type(wrong, scale=2)


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (None, r"a field of None cannot be stored\n\nhint: say what it holds"),
        (type(None), "a field of None cannot be stored"),
        (Literal[None], "a field of None cannot be stored"),
        (T, "a field of ~T cannot be stored"),
        ("User", "a field of User cannot be stored"),
        (Plain, r"a field of Plain cannot be stored.*(?s:.*)field\(virtual=True\)"),
        (list[Plain], "cannot be stored"),
        (Plain | None, "a field of Plain cannot be stored"),
        (Mixed, "the enum Mixed cannot be stored"),
    ],
    ids=str,
)
def test_an_annotation_that_nothing_stores_is_refused_with_the_fix(annotation: Any, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        field_type(annotation)


def test_scalars_arrays_enums_and_json_need_no_pydantic() -> None:
    program = (
        "import sys, enum\n"
        "from decimal import Decimal\n"
        "from typing import Any\n"
        "from ectype.types import field_type\n"
        "Role = enum.StrEnum('Role', ['ADMIN'])\n"
        "json = dict[str, Any] | list[Any]\n"
        "for one in (int, str | None, Decimal, Role, list[int], dict[str, Any], list[Any], json):\n"
        "    kind, _ = field_type(one)\n"
        "    kind.cast({'a': 1}), kind.codec('postgres'), kind.codec('sqlite')\n"
        "print(sorted(name for name in sys.modules if name.startswith('pydantic')))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_names_that_others_use_are_all_here() -> None:
    assert all(hasattr(resolve, name) for name in resolve.__all__)

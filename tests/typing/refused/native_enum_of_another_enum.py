from __future__ import annotations

from enum import StrEnum

from ectype import Field, Schema, field, pg_enum, primary_key
from tests.typing.accepted.types import Role


class Colour(StrEnum):
    RED = "red"


class Page(Schema, table="pages"):
    id: Field[int] = primary_key()
    colour: Field[Colour] = field(type=pg_enum(Role, name="role"))  # refused

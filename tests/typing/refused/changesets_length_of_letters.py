"""Refused: a length in letters."""

from decimal import Decimal

from ectype.schema.changeset import change
from ectype.schema.fields import Field, field, primary_key
from ectype.schema.schema import Schema


class User(Schema, table="users"):
    id: Field[int] = primary_key()
    name: Field[str]
    age: Field[int | None] = field(default=None)
    balance: Field[Decimal] = field(default=Decimal(0))


class Post(Schema, table="posts"):
    id: Field[int] = primary_key()
    title: Field[str]


change(User).validate_length(User.name, min=1, count="letters")  # refused

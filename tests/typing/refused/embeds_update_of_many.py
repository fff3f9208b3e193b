"""Refused: an on_replace that a list does not have."""

from ectype import Changeset, EmbeddedSchema, EmbedsMany, EmbedsOne, Field, Schema
from ectype import change, embeds_many, embeds_one, primary_key


class Address(EmbeddedSchema):
    street: Field[str]


class Line(EmbeddedSchema):
    name: Field[str]


class Order(Schema, table="orders"):
    id: Field[int] = primary_key()
    number: Field[str]
    origin: EmbedsOne[Address]
    address: EmbedsOne[Address | None] = embeds_one()
    lines: EmbedsMany[Line] = embeds_many()


class Other(Schema, table="others"):
    id: Field[int] = primary_key()
    address: EmbedsOne[Address | None] = embeds_one()


def line(line: Line, params: object) -> Changeset[Line]:
    return change(line)


embeds_many(on_replace="update")  # refused

"""What an embedded schema and an embed can be, and what a class body that cannot be is told to write instead."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

import pytest

from ectype import (
    BelongsTo,
    EmbeddedSchema,
    EmbedsMany,
    EmbedsOne,
    Field,
    HasMany,
    Registry,
    Schema,
    SchemaError,
    belongs_to,
    embeds_many,
    embeds_one,
    field,
    has_many,
    primary_key,
)


class Address(EmbeddedSchema):
    street: Field[str] = field(default="x")


class Row(Schema, table="rows"):
    id: Field[int] = primary_key()


def test_an_embedded_schema_has_no_table_no_key_of_the_database_and_no_rows_that_point_to_it() -> None:
    with pytest.raises(SchemaError, match="has no table"):

        class A(EmbeddedSchema, table="a"):  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue, reportUnusedClass]
            x: Field[int]

    with pytest.raises(SchemaError, match=r"primary_key\(autogenerate=uuid7\)"):

        class B(EmbeddedSchema):  # pyright: ignore[reportUnusedClass]
            id: Field[int] = primary_key()

    with pytest.raises(SchemaError, match="needs its foreign key `row_id`"):

        class C(EmbeddedSchema):  # pyright: ignore[reportUnusedClass]
            row: BelongsTo[Row] = belongs_to()

    with pytest.raises(SchemaError, match=r"needs rows that point to E, and it is embedded"):

        class E(EmbeddedSchema):  # pyright: ignore[reportUnusedClass]
            rows: HasMany[Row] = has_many()

    with pytest.raises(SchemaError, match="read back"):

        class D(EmbeddedSchema):  # pyright: ignore[reportUnusedClass]
            x: Field[int] = field(read_after_writes=True)

    assert Address.__schema__.table is None


def test_an_embed_that_cannot_be_is_refused_with_the_line_to_write() -> None:
    with pytest.raises(SchemaError, match=r"address: EmbedsOne\[Address \| None\] = embeds_one\(\)"):

        class A(Schema):  # pyright: ignore[reportUnusedClass]
            address: EmbedsOne[Address | None]

    with pytest.raises(SchemaError, match=r"items: EmbedsMany\[Address\] = embeds_many\(\)"):

        class B(Schema):  # pyright: ignore[reportUnusedClass]
            items: EmbedsMany[Address]

    with pytest.raises(SchemaError, match=r"never None"):

        class C(Schema):  # pyright: ignore[reportUnusedClass]
            items: EmbedsMany[Address | None] = embeds_many()

    with pytest.raises(SchemaError, match=r"embeds_many\(\)"):

        class D(Schema):  # pyright: ignore[reportUnusedClass]
            items: EmbedsMany[Address] = embeds_one()

    with pytest.raises(SchemaError, match=r"it may be: raise, mark_as_invalid, delete"):

        class E(Schema):  # pyright: ignore[reportUnusedClass]
            items: EmbedsMany[Address] = embeds_many(on_replace="update")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

    with pytest.raises(SchemaError, match="has no annotation"):

        class F(Schema):  # pyright: ignore[reportUnusedClass]
            items = embeds_many()


class Card(EmbeddedSchema):
    type: Field[Literal["card"]] = field(default="card")


class Second(EmbeddedSchema):
    type: Field[Literal["card"]] = field(default="card")


class OfRows(Schema):
    row: EmbedsOne[Row | None] = embeds_one()


class OfNumbers(Schema):
    number: EmbedsOne[int] = embeds_one()


class OfUntagged(Schema):
    payment: EmbedsOne[Card | Address] = embeds_one()


class OfTaglessMember(Schema):
    payment: EmbedsOne[Card | Address] = embeds_one(tag="type")


class OfTwice(Schema):
    payment: EmbedsOne[Card | Second] = embeds_one(tag="type")


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        (OfRows, r"class Row\(EmbeddedSchema\)"),
        (OfNumbers, r"Field\[int\]"),
        (OfUntagged, r'embeds_one\(tag="type"\)'),
        (OfTaglessMember, r'type: Field\[Literal\["address"\]\]'),
        (OfTwice, "two schemas with the tag 'card': Card and Second"),
    ],
)
def test_a_bracket_that_holds_no_embedded_schema_is_refused_at_first_use(schema: Any, said: str) -> None:
    with pytest.raises(SchemaError, match=said):
        _ = schema.__schema__.fields


def test_what_is_defined_later_may_be_embedded_and_a_schema_may_hold_itself() -> None:
    class Page(Schema):
        first: EmbedsOne[Comment | None] = embeds_one()

    comment = Comment(text="a", replies=[Comment(text="b", replies=[])])
    type_ = Page.__schema__.fields["first"].type
    for target in ("postgres", "sqlite"):
        codec: Any = type_.codec(target)
        assert codec.load(codec.dump(comment)) == comment


class Comment(EmbeddedSchema):
    text: Field[str]
    replies: EmbedsMany[Comment] = embeds_many()


def test_schemas_of_one_name_live_in_registries_of_their_own() -> None:
    def made(registry: Registry, member: str) -> Any:
        class Part(EmbeddedSchema, registry=registry):
            if member == "a":
                a: Field[int] = field(default=1)
            else:
                b: Field[timedelta] = field(default=timedelta(1))

        class Whole(Schema, registry=registry):
            part: "EmbedsOne[Part]" = embeds_one(defaults_to_struct=True)  # noqa: UP037

        return Whole()

    assert made(Registry(), "a").part.a == 1
    assert made(Registry(), "b").part.b == timedelta(1)


def test_a_struct_of_defaults_stands_where_the_embed_says_so() -> None:
    class Shop(Schema):
        address: EmbedsOne[Address] = embeds_one(defaults_to_struct=True)
        other: EmbedsOne[Address | None] = embeds_one()
        key: Field[UUID | None] = field(default=None)

    shop = Shop()
    assert (shop.address, shop.other) == (Address(street="x"), None)
    assert Shop(address=Address(street="y")).address.street == "y"

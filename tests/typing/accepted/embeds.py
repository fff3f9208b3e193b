"""Embeds are columns on the class and structs on the instance; changesets know what they hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, assert_type
from uuid import UUID

from ectype import (
    BelongsTo,
    Changeset,
    Embed,
    EmbeddedSchema,
    EmbedsMany,
    EmbedsOne,
    Field,
    HasMany,
    Q,
    Query,
    Rel,
    Repo,
    Schema,
    Timestamps,
    belongs_to,
    change,
    embeds_many,
    embeds_one,
    field,
    from_,
    has_many,
    primary_key,
    uuid7,
)


class Address(EmbeddedSchema):
    street: Field[str]
    city: Field[str] = field(default="Paris")
    country_id: Field[int | None] = field(default=None)
    country: BelongsTo[Guest | None] = belongs_to()


class Line(EmbeddedSchema, Timestamps):
    id: Field[UUID] = primary_key(autogenerate=uuid7)
    name: Field[str]
    where: EmbedsOne[Address | None] = embeds_one()


class Card(EmbeddedSchema):
    type: Field[Literal["card"]] = field(default="card")
    number: Field[str] = field(redact=True)


class Transfer(EmbeddedSchema):
    type: Field[Literal["transfer"]] = field(default="transfer")
    iban: Field[str]


class Guest(Schema, table="guests"):
    id: Field[int] = primary_key()
    name: Field[str]
    orders: HasMany[Order] = has_many()


class Seat(EmbeddedSchema):
    guest_id: Field[int | None] = field(default=None)
    guest: BelongsTo[Guest | None] = belongs_to()


class Order(Schema, table="orders"):
    id: Field[int] = primary_key()
    guest_id: Field[int | None] = field(default=None)
    guest: BelongsTo[Guest | None] = belongs_to()
    seat: EmbedsOne[Seat | None] = embeds_one()
    seats: EmbedsMany[Seat] = embeds_many()
    origin: EmbedsOne[Address]
    address: EmbedsOne[Address | None] = embeds_one(source="place", on_replace="update")
    payment: EmbedsOne[Card | Transfer] = embeds_one(tag="type", on_replace="delete")
    start: EmbedsOne[Address] = embeds_one(defaults_to_struct=True)
    lines: EmbedsMany[Line] = embeds_many(on_replace="delete")
    ways: EmbedsMany[Card | Transfer] = embeds_many(tag="type")


def address(address: Address | type[Address], params: Mapping[str, object]) -> Changeset[Address]:
    return change(address).cast(params, Address.street, Address.city).validate_required(Address.street)


def line(line: Line, params: Mapping[str, Any]) -> Changeset[Line]:
    return change(line).cast(params, Line.name).cast_embed(Line.where, with_=address)


def placed(line: Line, params: Mapping[str, Any], position: int) -> Changeset[Line]:
    return change(line).cast(params, Line.name).put_change(Line.name, str(position))


def card(card: Card, params: Mapping[str, Any]) -> Changeset[Card]:
    return change(card).cast(params, Card.number)


def transfer(transfer: Transfer, params: Mapping[str, Any]) -> Changeset[Transfer]:
    return change(transfer).cast(params, Transfer.iban)


order = Order(origin=Address(street="x"), payment=Card(number="4"), lines=[Line(name="a", where=None)])
assert_type(order.address, Address | None)
assert_type(order.payment, Card | Transfer)
assert_type(order.lines, list[Line])
assert_type(order.lines[0].where, Address | None)
assert_type(Order.address, Embed[Order, Address | None])
assert_type(Order.lines, Embed[Order, list[Line]])
assert_type(Order.payment, Embed[Order, Card | Transfer])

assert_type(from_(Order).select(Order.address), Query[Order, Order, Address | None])
assert_type(from_(Order).select(Order.lines), Query[Order, Order, list[Line]])
from_(Order).where(Order.address["city"] == "Paris", Order.lines.path(0, "name").as_text().like("a%"))
from_(Order).where(Order.address.is_not_null(), Order.origin == Address(street="x"), Order.address.has_key("city"))

made = (
    change(Order)
    .cast({})
    .cast_embed(Order.address, with_=address, required=True, invalid_message="is odd")
    .cast_embed(Order.lines, with_=line, sort_param="sort", drop_param="drop")
    .cast_embed(Order.lines, with_=placed)
    .cast_embed(Order.payment, with_={Card: card, Transfer: transfer})
    .put_embed(Order.address, None)
    .put_embed(Order.address, {"street": "x"})
    .put_embed(Order.origin, change(Address).put_change(Address.street, "x"))
    .put_embed(Order.payment, Transfer(iban="x"))
    .put_embed(Order.lines, [Line(name="a"), {"name": "b"}, change(Line(name="c"))])
    .validate_required(Order.address, Order.lines)
    .validate_length(Order.lines, max=3)
    .delete_change(Order.address)
)
assert_type(made, Changeset[Order])
assert_type(made.get_embed(Order.lines), list[Changeset[Line]])
assert_type(made.get_embed(Order.lines, as_="struct"), list[Line])
assert_type(made.get_embed(Order.address), Changeset[Address] | None)
assert_type(made.get_embed(Order.address, as_="struct"), Address | None)
made.changed(Order.address)
assert_type(change(Address).cast({}, Address.street).apply_action("validate"), Address)


async def stored(repo: Repo) -> None:
    assert_type(await repo.insert(made), Order)
    assert_type(await repo.all(from_(Order).select(Order.payment)), list[Card | Transfer])
    await repo.update_all(from_(Order), Order.address.set(Address(street="x")))


def few(lines: list[Changeset[Line]]) -> str | None:
    return "are too many" if len(lines) > 3 else None


assert_type(change(Order).validate_change(Order.lines, few), Changeset[Order])
assert_type(
    change(Order).validate_change(Order.address, lambda address: address.get_field(Address.city)), Changeset[Order]
)
assert_type(change(Order).add_error(Order.lines, "are odd"), Changeset[Order])
assert_type(change(Order).field_missing(Order.lines), bool)

assert_type(Order.seats / Seat.guest, Rel[Order, Guest | None])
assert_type(Order.seat / Seat.guest / Guest.orders, Rel[Order, list[Order]])
assert_type(Guest.orders / Order.seats / Seat.guest, Rel[Guest, Guest | None])
assert_type(Order.lines / Line.where / Address.country, Rel[Order, Guest | None])
assert_type(from_(Order).preload(Order.seats / Seat.guest), Q[Order])


async def seated(repo: Repo, order: Order) -> str | None:
    loaded = await repo.preload(order, Order.seats / Seat.guest)
    assert_type(loaded.seats[0].guest, Guest | None)
    guest = loaded.seats[0].guest
    return None if guest is None else guest.name

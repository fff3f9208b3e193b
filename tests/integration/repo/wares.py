"""Schemas that embed others: one with a member of every type, nested ones, a union, and their tables."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from ectype import (
    Changeset,
    CustomType,
    EmbeddedSchema,
    EmbedsMany,
    EmbedsOne,
    Err,
    Field,
    Interval,
    Ok,
    Range,
    Repo,
    Schema,
    Timestamps,
    Vector,
    change,
    embeds_many,
    embeds_one,
    field,
    primary_key,
    uuid7,
)
from tests.integration.repo.blog import Role, Stars


class Slug(CustomType[str, str]):
    """Text that is kept in lower case and stored backwards."""

    def cast(self, value: object) -> Ok[str] | Err:
        return Ok(value.lower()) if isinstance(value, str) else Err()

    def dump(self, value: str) -> str:
        return value[::-1]

    def load(self, stored: str) -> str:
        return stored[::-1]


class Size(BaseModel):
    """A model of pydantic inside an embed."""

    width: int
    labels: list[str] = []


class Inner(EmbeddedSchema):
    name: Field[str]
    tags: Field[list[str]] = field(default_factory=list)


class Everything(EmbeddedSchema):
    id: Field[UUID] = primary_key(autogenerate=uuid7)
    integer: Field[int | None] = field(default=None)
    text: Field[str | None] = field(default=None)
    flag: Field[bool | None] = field(default=None)
    ratio: Field[float | None] = field(default=None)
    exact: Field[Decimal | None] = field(default=None)
    scaled: Field[Decimal | None] = field(scale=3, default=None)
    blob: Field[bytes | None] = field(default=None)
    uuid: Field[UUID | None] = field(default=None)
    moment: Field[datetime | None] = field(default=None)
    day: Field[date | None] = field(default=None)
    clock: Field[time | None] = field(default=None)
    span: Field[timedelta | None] = field(default=None)
    interval: Field[Interval | None] = field(default=None)
    role: Field[Role | None] = field(default=None)
    stars: Field[Stars | None] = field(default=None)
    document: Field[dict[str, Any] | None] = field(default=None)
    items: Field[list[Any] | None] = field(default=None)
    anything: Field[Any] = field(default=None)
    flags: Field[list[bool] | None] = field(default=None)
    prices: Field[list[Decimal | None] | None] = field(default=None)
    digests: Field[list[bytes] | None] = field(default=None)
    moments: Field[list[datetime] | None] = field(default=None)
    slug: Field[str | None] = field(type=Slug, default=None)
    size: Field[Size | None] = field(default=None)
    numbers: Field[Range[int] | None] = field(default=None)
    spell: Field[Range[datetime] | None] = field(default=None)
    place: Field[list[float] | None] = field(type=Vector(2), default=None)
    inner: EmbedsOne[Inner | None] = embeds_one()
    inners: EmbedsMany[Inner] = embeds_many()
    secret: Field[str | None] = field(redact=True, default=None)
    spoken: Field[str | None] = field(virtual=True, default=None)


class Box(Schema, table="boxes"):
    id: Field[int] = primary_key()
    one: EmbedsOne[Everything | None] = embeds_one()
    many: EmbedsMany[Everything] = embeds_many(source="many_of_them")
    label: Field[str | None] = field(default=None)


class Address(EmbeddedSchema):
    """A value: nothing but its members tells one from another."""

    street: Field[str]
    city: Field[str] = field(default="Paris")
    notes: Field[list[str]] = field(default_factory=list)

    @staticmethod
    def changeset(address: Address, params: Mapping[str, Any]) -> Changeset[Address]:
        return change(address).cast(params, Address.street, Address.city).validate_required(Address.street)


class Line(EmbeddedSchema, Timestamps):
    """An entry of an order, with a key of its own."""

    id: Field[UUID] = primary_key(autogenerate=uuid7)
    name: Field[str]
    count: Field[int] = field(default=1)
    options: EmbedsMany[Inner] = embeds_many()

    @staticmethod
    def changeset(line: Line, params: Mapping[str, Any]) -> Changeset[Line]:
        return (
            change(line)
            .cast(params, Line.name, Line.count)
            .validate_required(Line.name)
            .validate_number(Line.count, greater_than=0)
            .cast_embed(Line.options, with_=option)
        )


def option(inner: Inner, params: Mapping[str, Any]) -> Changeset[Inner]:
    return change(inner).cast(params, Inner.name).validate_required(Inner.name)


class Card(EmbeddedSchema):
    type: Field[Literal["card"]] = field(default="card")
    number: Field[str] = field(redact=True)

    @staticmethod
    def changeset(card: Card, params: Mapping[str, Any]) -> Changeset[Card]:
        return change(card).cast(params, Card.number).validate_required(Card.number)


class Transfer(EmbeddedSchema):
    type: Field[Literal["transfer", "sepa"]] = field(default="transfer")
    iban: Field[str]

    @staticmethod
    def changeset(transfer: Transfer, params: Mapping[str, Any]) -> Changeset[Transfer]:
        return change(transfer).cast(params, Transfer.iban).validate_required(Transfer.iban)


class Order(Schema, Timestamps, table="orders"):
    id: Field[int] = primary_key()
    number: Field[str]
    address: EmbedsOne[Address | None] = embeds_one()
    payment: EmbedsOne[Card | Transfer | None] = embeds_one(tag="type", on_replace="delete")
    lines: EmbedsMany[Line] = embeds_many(on_replace="delete")
    stops: EmbedsMany[Address] = embeds_many()


class Held(Schema, table="held"):
    """One embed for each `on_replace`, with keys."""

    id: Field[int] = primary_key()
    number: Field[str]
    raising: EmbedsOne[Line | None] = embeds_one()
    marking: EmbedsOne[Line | None] = embeds_one(on_replace="mark_as_invalid")
    updating: EmbedsOne[Line | None] = embeds_one(on_replace="update")
    deleting: EmbedsOne[Line | None] = embeds_one(on_replace="delete")
    raised: EmbedsMany[Line] = embeds_many()
    marked: EmbedsMany[Line] = embeds_many(on_replace="mark_as_invalid")


TABLES = {
    "boxes": "id {key}, one {json}, many_of_them {json}, label text",
    "orders": "id {key}, number text NOT NULL UNIQUE, address {json}, payment {json}, lines {json}, stops {json}, "
    "inserted_at {moment}, updated_at {moment}",
    "held": "id {key}, number text NOT NULL, raising {json}, marking {json}, updating {json}, deleting {json}, "
    "raised {json}, marked {json}",
}


@asynccontextmanager
async def tables(repo: Repo) -> AsyncIterator[None]:
    """Make the tables, and drop them at the end."""
    if repo.adapter.dialect.name == "PostgreSQL":
        words = {"key": "bigint PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY", "json": "jsonb", "moment": "timestamptz"}
    else:
        words = {"key": "INTEGER PRIMARY KEY", "json": "TEXT", "moment": "TEXT"}
    words["moment"] += " NOT NULL DEFAULT '2026-01-01 00:00:00.000000'"
    for name, columns in TABLES.items():
        await repo._session.script(f"CREATE TABLE {name} ({columns.format(**words)})")
    try:
        yield
    finally:
        for name in TABLES:
            await repo._session.script(f"DROP TABLE {name}")

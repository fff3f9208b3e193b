"""Schemas with a structure, whose tables are made from what they declare."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from ectype import (
    BelongsTo,
    Field,
    Range,
    Registry,
    Repo,
    Schema,
    belongs_to,
    check,
    column,
    exclusion,
    field,
    fn,
    fragment,
    index,
    primary_key,
    references,
    structure,
    unique,
)
from ectype.schema.structure import Structure
from ectype.sql.dialect import Dialect
from ectype.sql.structure_text import column_text, comment_texts, constraint_text, index_text


class House(Schema, abstract=True, registry=Registry()):
    """Apart from the schemas of other tests."""


class Kind(StrEnum):
    HALL = "hall"
    CELL = "cell"


class Building(House, table="buildings"):
    id: Field[int] = primary_key()
    code: Field[str] = field(source="short_code")


structure(Building, indexes=[unique(Building.code)])


class Room(House, table="rooms"):
    id: Field[int] = primary_key()
    name: Field[str] = field(db=column(collation="C", comment="what people call it"))
    email: Field[str | None] = field(default=None)
    kind: Field[Kind] = field(default=Kind.HALL)
    seats: Field[int] = field(db=column(default=5), default=5)
    rows: Field[int | None] = field(default=None)
    price: Field[Decimal] = field(scale=2, db=column(default=Decimal("1.50")), default=Decimal("1.50"))
    key: Field[UUID | None] = field(default=None)
    opened: Field[date | None] = field(default=None)
    made_at: Field[datetime | None] = field(default=None)
    label: Field[str | None] = field(db=column(default=fragment("lower('NONE')")), default=None)
    area: Field[int | None] = field(db=column(generated=lambda: Room.seats * 2), default=None, read_after_writes=True)
    building_id: Field[int | None] = field(default=None)
    building: BelongsTo[Building | None] = belongs_to()
    old_code: Field[str | None] = field(default=None)


ROOMS = structure(
    Room,
    indexes=[
        unique(Room.name),
        unique(fn.lower(Room.email), name="rooms_lower_email"),
        unique(Room.key, name="rooms_one_key", where=Room.kind == Kind.CELL),
        index(Room.seats.desc(), Room.name, where=Room.seats > 2),
    ],
    checks=[
        check("rooms_have_seats", Room.seats > 0),
        check("rows_fit", (Room.rows > 0) & (Room.rows <= Room.seats)),
        check("known_kinds", Room.kind.in_([Kind.HALL, Kind.CELL])),
        check("cheap", Room.price < Decimal("1000.00")),
        check("quoted", Room.name != "it's"),
        check("old", Room.opened > date(1900, 1, 1)),
        check("older", Room.made_at > datetime(1900, 1, 1, tzinfo=UTC)),
        check("own_words", fragment("length({}) < {}", Room.label, 30)),
    ],
    foreign_keys=[
        references(Room.building, on_delete="set_null"),
        references(Room.old_code, Building.code, name="rooms_old_building", on_update="cascade"),
    ],
    comment="where people meet",
)


class Booking(House, table="bookings"):
    id: Field[int] = primary_key()
    room_id: Field[int]
    during: Field[Range[int]]


BOOKINGS = structure(
    Booking,
    exclusions=[exclusion((Booking.room_id, "="), (Booking.during, "&&"))],
    indexes=[
        index(Booking.room_id, include=[Booking.id], using="btree", comment="by room"),
        index(Booking.during, using="gist", name="bookings_when"),
    ],
)


def table_text(made: Structure[Any], dialect: Dialect) -> list[str]:
    """Return the statements that make a table from its schema and structure."""
    info = made.schema.__schema__
    lines = [column_text(made.schema, name, dialect) for name in info.column_names]
    lines += [
        constraint_text(made.schema, one, dialect) for one in (*made.checks, *made.exclusions, *made.foreign_keys)
    ]
    strict = " STRICT" if dialect.target == "sqlite" else ""
    return [
        f"CREATE TABLE {info.table} ({', '.join(lines)}){strict}",
        *(index_text(made.schema, one, dialect) for one in made.indexes),
        *comment_texts(made.schema, dialect),
    ]


@asynccontextmanager
async def opened(url: str, *more: Structure[Any]) -> AsyncIterator[Repo]:
    """Open a repo over these tables, in an empty database."""
    async with Repo(url) as repo:
        dialect = repo.adapter.dialect
        buildings: Any = Building.__schema__.structure
        texts = [text for made in (buildings, ROOMS, *more) for text in table_text(made, dialect)]
        await repo._session.script("; ".join(texts))
        yield repo

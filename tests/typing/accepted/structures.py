"""What a table holds beyond its columns, and what the database holds beside tables. A hotel."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import assert_type

from ectype import (
    BelongsTo,
    DatabaseObject,
    Field,
    Range,
    Schema,
    belongs_to,
    change,
    check,
    column,
    database_object,
    database_objects,
    exclusion,
    field,
    fn,
    fragment,
    index,
    primary_key,
    references,
    reflect,
    structure,
    unique,
)
from ectype.schema.structure import Structure


class State(StrEnum):
    FREE = "free"
    TAKEN = "taken"


class Floor(Schema, table="floors"):
    id: Field[int] = primary_key()
    number: Field[int]


class Room(Schema, table="rooms"):
    id: Field[int] = primary_key()
    name: Field[str] = field(db=column(collation="C", comment="on the door"))
    price: Field[Decimal] = field(scale=2, db=column(type="numeric(12,2)", default=fragment("0")), default=Decimal(0))
    twice: Field[Decimal | None] = field(db=column(generated=lambda: Room.price * 2), default=None)
    beds: Field[int] = field(default=1)
    state: Field[State] = field(default=State.FREE)
    during: Field[Range[int] | None] = field(default=None)
    floor_id: Field[int]
    floor: BelongsTo[Floor] = belongs_to()


rooms = structure(
    Room,
    indexes=[
        unique(Room.floor_id, Room.name),
        unique(fn.lower(Room.name), name="rooms_lower_name", where=Room.state == State.FREE),
        index(Room.price.desc(), Room.name, include=[Room.beds]),
        index(fragment("lower({})", Room.name), name="rooms_own_words"),
    ],
    checks=[
        check("rooms_have_beds", (Room.beds > 0) & (Room.price >= Decimal(0))),
        check("own_words", fragment("1 = 1")),
    ],
    exclusions=[exclusion((Room.floor_id, "="), (Room.during, "&&"))],
    foreign_keys=[
        references(Room.floor, on_delete="cascade", deferrable="deferred"),
        references(Room.beds, Floor.number, name="rooms_odd"),
    ],
    comment="where guests sleep",
)
assert_type(rooms, Structure[Room])
assert_type(reflect(Room).structure, Structure[Room] | None)
assert_type(rooms.indexes[0].name, str)
assert [one.name for one in rooms.foreign_keys] == ["rooms_floor_id_fkey", "rooms_odd"]

room = change(Room, Room.beds.set(0)).check_constraint(Room.beds).unique_constraint(Room.floor_id, Room.name)
assert [one.name for one in room.constraints] == ["rooms_have_beds", "rooms_floor_id_name_index"]

made = database_object("enum", "state", values=State)
assert_type(made, DatabaseObject)
database_object("extension", "btree_gist")
database_object("view", "free_rooms", create="CREATE VIEW free_rooms AS SELECT 1", drop="DROP VIEW free_rooms")
database_object("policy", "own_floor", on=Room, create="CREATE POLICY …", drop="DROP POLICY …", database="postgres")
assert_type(database_objects(), tuple[DatabaseObject, ...])

"""Refused: a preload through an embed of another schema."""

from ectype import (
    BelongsTo,
    EmbeddedSchema,
    EmbedsMany,
    Field,
    HasMany,
    Schema,
    belongs_to,
    embeds_many,
    field,
    from_,
    has_many,
    primary_key,
)


class Guest(Schema, table="guests"):
    id: Field[int] = primary_key()
    table_id: Field[int | None] = field(default=None)


class Seat(EmbeddedSchema):
    guest_id: Field[int | None] = field(default=None)
    guest: BelongsTo[Guest | None] = belongs_to()


class Table(Schema, table="tables"):
    id: Field[int] = primary_key()
    seats: EmbedsMany[Seat] = embeds_many()
    guests: HasMany[Guest] = has_many()


from_(Table).preload(Table.seats / Seat.guest)
from_(Guest).preload(Table.seats / Seat.guest)  # refused

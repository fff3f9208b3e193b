"""The shapes of writes: what decides their text, and so their own cache keys."""

from __future__ import annotations

from dataclasses import dataclass

from ectype.query.ast import OnConflict
from ectype.schema.meta import SchemaInfo


@dataclass(frozen=True, slots=True)
class InsertShape:
    """An INSERT.

    Attributes:
        info: the schema.
        fields: the field names that are sent, in order.
        returning: the field names that come back.
        on_conflict: what a conflict does, or None.
        prefix: the schema or attached database, or None for the default.
        table: where the row stands when that is not the schema's own table: this one, in exactly `prefix`.
        shared: of many rows, the fields that have one value in all of them.
        literal: of many rows, the fields whose values travel as the text of an array.
    """

    info: SchemaInfo
    fields: tuple[str, ...]
    returning: tuple[str, ...] = ()
    on_conflict: OnConflict | None = None
    prefix: str | None = None
    table: str | None = None
    shared: tuple[str, ...] = ()
    literal: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyedShape:
    """An UPDATE or DELETE of one row by its key; an UPDATE sets `fields`, and what is in `nulls` must be NULL.

    Prefix and table are as for an INSERT.
    """

    verb: str
    info: SchemaInfo
    fields: tuple[str, ...]
    keys: tuple[str, ...]
    returning: tuple[str, ...] = ()
    prefix: str | None = None
    table: str | None = None
    nulls: tuple[str, ...] = ()

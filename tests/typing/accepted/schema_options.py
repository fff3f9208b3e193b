"""What fields, moments and class statements may say. A safe deposit."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, assert_type
from uuid import UUID

from ectype import (
    ULID,
    BelongsTo,
    Column,
    Field,
    Meta,
    Registry,
    Schema,
    Timestamps,
    belongs_to,
    field,
    meta,
    primary_key,
    reflect,
    timestamp,
    uuid7,
    with_meta,
)


def camel(name: str) -> str:
    return "".join(part.title() for part in name.split("_"))


class Deposit(
    Schema,
    abstract=True,
    registry=Registry(),
    prefix="deposit",
    primary_key=primary_key(autogenerate=uuid7),
    foreign_key_type=ULID,
    timestamps=timestamp(autogenerate=lambda: datetime.now(UTC), writable="insert"),
    redact="all_except_primary_keys",
    source_mapper=camel,
    on_writable_violation="raise",
):
    """Options that all schemas of the application share."""


class Open(Deposit, abstract=True, redact=None, prefix=None):
    """Some of them again."""


class Stamps:
    created_at: Field[datetime] = timestamp(source="created")
    changed_on: Field[date] = timestamp(on_update=True, autogenerate=date.today)


class Safe(Open, Stamps, Timestamps, table="safes"):
    id: Field[UUID] = primary_key()
    label: Field[str]
    serial: Field[str] = field(writable="insert", on_writable_violation="warn")
    code: Field[str | None] = field(default=None, redact=False, writable="never", read_after_writes=True)
    content: Field[dict[str, Any]] = field(default_factory=dict, load_in_query=False)
    owner_id: Field[str | None] = field(default=None)
    owner: BelongsTo[Safe | None] = belongs_to(references="label")


assert_type(Safe.serial, Column[Safe, str])
assert_type(Safe.created_at, Column[Safe, datetime])
assert_type(Safe.changed_on, Column[Safe, date])
assert_type(Safe.content, Column[Safe, dict[str, Any]])

safe = Safe(label="x", serial="1")
assert_type(safe.content, dict[str, Any])
moved = with_meta(safe, source="old_safes", prefix=None)
assert_type(moved, Safe)
assert_type(meta(with_meta(moved, state="loaded")), Meta)

found = reflect(Safe)
assert_type(found.schema, type[Safe])
assert_type(found.table, str | None)
assert_type(found.field(Safe.label).column, str | None)
assert_type(found.association(Safe.owner).related, type[Any])

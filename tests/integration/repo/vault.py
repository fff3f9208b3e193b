"""Schemas whose fields may not always be written or read, keys of every kind, and the tables for them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from ectype import (
    ULID,
    BelongsTo,
    Field,
    HasMany,
    Registry,
    Repo,
    Schema,
    Timestamps,
    belongs_to,
    field,
    has_many,
    migrations,
    primary_key,
    timestamp,
    ulid,
    uuid7,
)
from ectype.migrations import Migration, Raw

START = datetime(2026, 1, 1, tzinfo=UTC)
_ticks: Iterator[int] = count(1)


def clock() -> datetime:
    """Return a moment that no other call returns."""
    return START + timedelta(seconds=next(_ticks))


class Vault(Schema, abstract=True, registry=Registry()):
    """Apart from the schemas of other tests."""


class Safe(Vault, table="safes"):
    id: Field[int] = primary_key()
    label: Field[str]
    serial: Field[str | None] = field(default=None, writable="insert")
    maker: Field[str | None] = field(default=None, writable="insert", on_writable_violation="warn")
    owner: Field[str | None] = field(default=None, writable="insert", on_writable_violation="raise")
    checked: Field[str | None] = field(default=None, writable="never")
    sealed: Field[str | None] = field(default=None, writable="never", on_writable_violation="raise")
    revision: Field[int | None] = field(default=None, writable="never", read_after_writes=True)


class Folder(Vault, table="folders"):
    id: Field[int] = primary_key()
    name: Field[str]
    papers: HasMany["Paper"] = has_many()


class Paper(Vault, table="papers"):
    id: Field[int] = primary_key()
    title: Field[str]
    body: Field[str | None] = field(load_in_query=False)
    notes: Field[dict[str, Any] | None] = field(load_in_query=False)
    shown: Field[str | None] = field(virtual=True, default="yes")
    folder_id: Field[int | None] = field(default=None)
    folder: BelongsTo[Folder | None] = belongs_to()


class Random(Vault, table="randoms"):
    id: Field[UUID] = primary_key(autogenerate=uuid4)
    name: Field[str]


class Keyed(Vault, abstract=True, primary_key=primary_key(autogenerate=uuid7)):
    """Schemas whose keys grow with time."""


class Ordered(Keyed, table="ordereds"):
    id: Field[UUID] = primary_key()
    name: Field[str]


class Texted(Vault, abstract=True, primary_key=primary_key(type=ULID, autogenerate=ulid), foreign_key_type=ULID):
    """Schemas whose keys are texts that grow with time."""


class Parent(Texted, table="parents"):
    id: Field[str] = primary_key()
    name: Field[str]
    children: HasMany["Child"] = has_many()


class Child(Texted, table="children"):
    id: Field[str] = primary_key()
    parent_id: Field[str]
    parent: BelongsTo[Parent] = belongs_to()


class Place(Vault, table="places"):
    row: Field[int] = field(primary_key=True)
    number: Field[int] = field(primary_key=True)
    name: Field[str]


class Line(Vault, table="lines"):
    name: Field[str]


class Clocked(Vault, abstract=True, timestamps=timestamp(autogenerate=clock, writable="insert")):
    """Schemas with a clock of their own."""


class Visit(Clocked, Timestamps, table="visits"):
    id: Field[int] = primary_key()
    name: Field[str]
    seen: Field[int] = field(default=0)


class Stamps:
    created_at: Field[datetime] = timestamp(source="created")
    changed_at: Field[datetime] = timestamp(on_update=True, source="changed")
    checked_at: Field[datetime] = timestamp(on_update=True)


class Entry(Clocked, Stamps, table="entries"):
    id: Field[int] = primary_key()
    name: Field[str]
    on_day: Field[date] = timestamp(autogenerate=lambda: date(2026, 2, 3))


class Coded(Vault, abstract=True, source_mapper=str.upper, redact="all_except_primary_keys", prefix=None):
    """Schemas of a database that shouts."""


class Agent(Coded, table="agents"):
    id: Field[int] = primary_key()
    name: Field[str] = field(redact=False)
    code: Field[str]


def change(m: Migration) -> None:
    with m.create_table("safes") as t:
        t.column("label", str, null=False)
        for name in ("serial", "maker", "owner"):
            t.column(name, str)
        t.column("checked", str, default="by the database")
        t.column("sealed", str, default="by the database")
        t.column("revision", int, default=1)
    m.create_index("safes", "label", unique=True)
    with m.create_table("folders") as t:
        t.column("name", str, null=False)
    with m.create_table("papers") as t:
        t.column("title", str, null=False)
        t.column("body", str, default="empty")
        t.column("notes", dict[str, Any])
        t.references("folder_id", "folders")
    for table in ("randoms", "ordereds"):
        with m.create_table(table) as t:
            t.column("id", UUID, primary_key=True)
            t.column("name", str, null=False)
    with m.create_table("parents") as t:
        t.column("id", str, primary_key=True)
        t.column("name", str, null=False)
    with m.create_table("children") as t:
        t.column("id", str, primary_key=True)
        t.references("parent_id", "parents", type=str, null=False)
    with m.create_table("places") as t:
        t.column("row", int, primary_key=True)
        t.column("number", int, primary_key=True)
        t.column("name", str, null=False)
    with m.create_table("lines", primary_key=False) as t:
        t.column("name", str, null=False)
    with m.create_table("visits") as t:
        t.column("name", str, null=False)
        t.column("seen", int, null=False)
        t.timestamps()
    m.create_index("visits", "name", unique=True)
    with m.create_table("entries") as t:
        t.column("name", str, null=False)
        t.column("on_day", date, null=False)
        t.column("created", datetime, null=False)
        t.column("changed", datetime, null=False)
        t.column("checked_at", datetime, null=False)
    with m.create_table("agents", primary_key=False) as t:
        t.column("ID", int, primary_key=True, default=Raw("7"))
        t.column("NAME", str, null=False)
        t.column("CODE", str, null=False)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Repo]:
    """Open a repo over these tables, in an empty database."""
    async with Repo(url) as repo:
        await migrations.up(repo, 1, change)
        yield repo

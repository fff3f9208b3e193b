"""Schemas with associations that are written together, and the tables for the test that asks for them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from ectype import (
    BelongsTo,
    Changeset,
    Field,
    HasMany,
    HasOne,
    ManyToMany,
    Registry,
    Repo,
    Schema,
    belongs_to,
    change,
    field,
    has_many,
    has_one,
    many_to_many,
    primary_key,
)
from ectype.schema.schema import Timestamps


class Shop(Schema, abstract=True, registry=Registry()):
    pass


class Maker(Shop, Timestamps, table="makers"):
    id: Field[int] = primary_key()
    name: Field[str]
    items: "HasMany[Item]" = has_many(on_replace="delete")
    loose: "HasMany[Item]" = has_many(foreign_key="maker_id", on_replace="nilify")
    strict: "HasMany[Item]" = has_many(foreign_key="maker_id")
    logo: "HasOne[Logo | None]" = has_one(on_replace="delete")
    kept_logo: "HasOne[Logo | None]" = has_one(foreign_key="maker_id", on_replace="nilify")
    new_logo: "HasOne[Logo | None]" = has_one(foreign_key="maker_id", on_replace="update")


class Logo(Shop, table="logos"):
    id: Field[int] = primary_key()
    text: Field[str]
    maker_id: Field[int | None] = field(default=None)

    @staticmethod
    def changeset(logo: "Logo", params: Mapping[str, object]) -> "Changeset[Logo]":
        return change(logo).cast(params, Logo.text).validate_required(Logo.text)


class Item(Shop, Timestamps, table="items"):
    id: Field[int] = primary_key()
    name: Field[str]
    code: Field[str | None] = field(default=None)
    maker_id: Field[int | None] = field(default=None)
    maker: BelongsTo[Maker | None] = belongs_to(on_replace="nilify")
    owned_maker: BelongsTo[Maker | None] = belongs_to(foreign_key="maker_id", on_replace="delete")
    parts: "HasMany[Part]" = has_many(on_replace="delete", on_delete="delete_all")
    labels: "ManyToMany[Label]" = many_to_many(through="item_labels", on_replace="delete", on_delete="delete_all")
    quiet: "ManyToMany[Label]" = many_to_many(
        through="item_labels", on_replace="delete", on_join_through_conflict="nothing"
    )
    prizes: "ManyToMany[Label]" = many_to_many(
        through=lambda: Prize,
        on_replace="delete",
        join_where=lambda: Prize.public == True,  # noqa: E712  # a condition of SQL
        join_defaults=lambda item: {"public": True, "note": item.name},
    )
    quiet_prizes: "ManyToMany[Label]" = many_to_many(
        through=lambda: Prize, on_replace="delete", on_join_through_conflict="nothing"
    )

    @staticmethod
    def changeset(item: "Item", params: Mapping[str, object]) -> "Changeset[Item]":
        made = change(item).cast(params, Item.name, Item.code).validate_required(Item.name)
        made = made.unique_constraint(Item.code).cast_assoc(Item.parts)
        action = params.get("action")
        return made.with_action(action) if isinstance(action, str) else made


class Part(Shop, table="parts"):
    id: Field[int] = primary_key()
    name: Field[str]
    item_id: Field[int]
    item: BelongsTo[Item] = belongs_to()
    notes: "HasMany[Note]" = has_many(on_delete="nilify_all")

    @staticmethod
    def changeset(part: "Part", params: Mapping[str, object]) -> "Changeset[Part]":
        return change(part).cast(params, Part.name).validate_required(Part.name).unique_constraint(Part.name)


class Note(Shop, table="part_notes"):
    id: Field[int] = primary_key()
    text: Field[str]
    part_id: Field[int | None] = field(default=None)


class Label(Shop, table="labels"):
    id: Field[int] = primary_key()
    name: Field[str]


class Prize(Shop, Timestamps, table="prizes"):
    id: Field[int] = primary_key()
    item_id: Field[int]
    label_id: Field[int]
    public: Field[bool] = field(default=False)
    note: Field[str | None] = field(default=None)


class Depot(Shop, table="depots"):
    """A key of two columns that the caller gives."""

    city: Field[str] = field(primary_key=True)
    number: Field[int] = field(primary_key=True)
    crates: "HasMany[Crate]" = has_many(foreign_key=("city", "number"), on_replace="delete")
    routes: "ManyToMany[Depot]" = many_to_many(
        through="routes", join_keys=(("from_city", "from_number"), ("to_city", "to_number")), on_replace="delete"
    )


class Crate(Shop, table="crates"):
    id: Field[int] = primary_key()
    label: Field[str]
    city: Field[str | None] = field(default=None)
    number: Field[int | None] = field(default=None)
    depot: BelongsTo[Depot | None] = belongs_to(
        foreign_key=("city", "number"), references=("city", "number"), on_replace="nilify"
    )


TABLES = (
    "routes", "crates", "depots", "prizes", "item_labels", "labels", "part_notes", "parts", "items", "logos", "makers",
)  # fmt: skip
"""Every table, those that refer to others first."""


@asynccontextmanager
async def tables(repo: Repo) -> AsyncIterator[None]:
    """Make the tables, and drop them in the end."""
    postgres = repo.adapter.dialect.name == "PostgreSQL"
    key = "id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY" if postgres else "id INTEGER PRIMARY KEY"
    moment = "timestamptz" if postgres else "TEXT"
    stamps = f"inserted_at {moment} NOT NULL, updated_at {moment} NOT NULL"
    await repo._session.script(
        f"CREATE TABLE makers ({key}, name text NOT NULL, {stamps});"
        f"CREATE TABLE logos ({key}, text text NOT NULL, maker_id bigint REFERENCES makers);"
        "CREATE UNIQUE INDEX logos_maker_id_index ON logos (maker_id);"
        f"CREATE TABLE items ({key}, name text NOT NULL, code text, maker_id bigint REFERENCES makers, {stamps});"
        "CREATE UNIQUE INDEX items_code_index ON items (code);"
        f"CREATE TABLE parts ({key}, name text NOT NULL, item_id bigint NOT NULL REFERENCES items);"
        "CREATE UNIQUE INDEX parts_name_index ON parts (name);"
        f"CREATE TABLE part_notes ({key}, text text NOT NULL, part_id bigint REFERENCES parts);"
        f"CREATE TABLE labels ({key}, name text NOT NULL);"
        "CREATE TABLE item_labels (item_id bigint NOT NULL REFERENCES items, label_id bigint NOT NULL REFERENCES "
        "labels);"
        "CREATE UNIQUE INDEX item_labels_item_id_label_id_index ON item_labels (item_id, label_id);"
        f"CREATE TABLE prizes ({key}, item_id bigint NOT NULL REFERENCES items, label_id bigint NOT NULL REFERENCES "
        f"labels, public {'boolean' if postgres else 'INTEGER'} NOT NULL, note text, {stamps});"
        "CREATE UNIQUE INDEX prizes_item_id_label_id_index ON prizes (item_id, label_id);"
        "CREATE TABLE depots (city text NOT NULL, number bigint NOT NULL, PRIMARY KEY (city, number));"
        f"CREATE TABLE crates ({key}, label text NOT NULL, city text, number bigint, "
        "FOREIGN KEY (city, number) REFERENCES depots (city, number));"
        "CREATE TABLE routes (from_city text NOT NULL, from_number bigint NOT NULL, to_city text NOT NULL, "
        "to_number bigint NOT NULL, PRIMARY KEY (from_city, from_number, to_city, to_number))"
    )
    try:
        yield
    finally:
        await repo._session.script(";".join(f"DROP TABLE {table}" for table in TABLES))


def kinds(events: list[Any]) -> list[str]:
    """Return verb and table of each statement, `UPDATE items`, and forget them."""
    told: list[str] = []
    for event in events:
        words = event.sql.replace('"', "").split()
        told.append(f"{words[0]} {words[1] if words[0] == 'UPDATE' else words[2]}".partition("(")[0].strip())
    events.clear()
    return told

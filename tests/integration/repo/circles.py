"""Schemas with associations of every kind, and the part of the blog's migration that makes their tables."""

from typing import Any

from ectype import (
    BelongsTo,
    Field,
    HasMany,
    HasOne,
    ManyToMany,
    Schema,
    belongs_to,
    field,
    has_many,
    has_one,
    many_to_many,
    primary_key,
)
from ectype.migrations import Migration


class Person(Schema, table="people"):
    id: Field[int] = primary_key()
    name: Field[str]
    boss_id: Field[int | None] = field(default=None)
    boss: BelongsTo["Person | None"] = belongs_to()
    reports: "HasMany[Person]" = has_many(foreign_key="boss_id")
    card: "HasOne[Card | None]" = has_one()
    papers: "HasMany[Paper]" = has_many()
    best: "HasMany[Paper]" = has_many(where=lambda: Paper.score > 3, preload_order=lambda: (Paper.score.desc(),))
    circles: "ManyToMany[Circle]" = many_to_many(through="seats_in_circles")
    led: "ManyToMany[Circle]" = many_to_many(
        through=lambda: CircleSeat,
        where=lambda: Circle.name != "closed",
        join_where=lambda: CircleSeat.role == "lead",
        preload_order=lambda: (CircleSeat.since.desc(), Circle.name),
    )
    replies: "HasMany[Reply]" = has_many(through=lambda: Person.papers / Paper.replies)
    boss_card: "HasOne[Card | None]" = has_one(through=lambda: Person.boss / Person.card)


class Paper(Schema, table="papers"):
    id: Field[int] = primary_key()
    title: Field[str]
    score: Field[int] = field(default=0)
    tags: Field[list[str]] = field(default_factory=list)
    note: Field[str | None] = field(default=None)
    draft: Field[str] = field(default="none", virtual=True)
    person_id: Field[int]
    person: BelongsTo[Person] = belongs_to()
    replies: "HasMany[Reply]" = has_many()
    repliers: "HasMany[Person]" = has_many(through=lambda: Paper.replies / Reply.person)
    meta: Field[dict[str, Any]] = field(default_factory=dict)


class Reply(Schema, table="replies"):
    id: Field[int] = primary_key()
    body: Field[str]
    paper_id: Field[int]
    person_id: Field[int | None] = field(default=None)
    paper: BelongsTo[Paper] = belongs_to()
    person: BelongsTo[Person | None] = belongs_to()


class Card(Schema, table="cards"):
    id: Field[int] = primary_key()
    motto: Field[str]
    person_id: Field[int]
    person: BelongsTo[Person] = belongs_to()


class Circle(Schema, table="circles"):
    id: Field[int] = primary_key()
    name: Field[str]
    people: ManyToMany[Person] = many_to_many(through="seats_in_circles")
    papers: HasMany[Paper] = has_many(through=lambda: Circle.people / Person.papers)
    replies: HasMany[Reply] = has_many(through=lambda: Circle.people / Person.replies)


class CircleSeat(Schema, table="seats_in_circles"):
    person_id: Field[int] = field(primary_key=True)
    circle_id: Field[int] = field(primary_key=True)
    role: Field[str] = field(default="guest")
    since: Field[int] = field(default=0)


class Site(Schema, table="sites"):
    """Its key has two columns, of two types."""

    area: Field[str] = field(primary_key=True)
    number: Field[int] = field(primary_key=True)
    probes: "HasMany[Probe]" = has_many(foreign_key=("site_area", "site_number"))
    near: "ManyToMany[Site]" = many_to_many(
        through="site_links", join_keys=(("from_area", "from_number"), ("to_area", "to_number"))
    )


class Probe(Schema, table="probes"):
    id: Field[int] = primary_key()
    site_area: Field[str | None] = field(default=None)
    site_number: Field[int | None] = field(default=None)
    site: BelongsTo[Site | None] = belongs_to(foreign_key=("site_area", "site_number"), references=("area", "number"))


TABLES = (
    "site_links", "probes", "sites", "seats_in_circles", "circles", "cards", "replies", "papers", "people",
)  # fmt: skip
"""Every table, those that refer to others first."""


def change(m: Migration) -> None:
    """Make the tables."""
    with m.create_table("people") as t:
        t.column("name", str, null=False)
        t.references("boss_id", "people")
    with m.create_table("papers") as t:
        t.column("title", str, null=False)
        t.column("score", int, null=False)
        t.column("tags", list[str], null=False)
        t.column("note", str)
        t.references("person_id", "people", null=False)
        t.column("meta", dict[str, Any], null=False)
    with m.create_table("replies") as t:
        t.column("body", str, null=False)
        t.references("paper_id", "papers", null=False)
        t.references("person_id", "people")
    with m.create_table("cards") as t:
        t.column("motto", str, null=False)
        t.references("person_id", "people", null=False)
    with m.create_table("circles") as t:
        t.column("name", str, null=False)
    with m.create_table("seats_in_circles") as t:
        t.column("person_id", int, primary_key=True)
        t.column("circle_id", int, primary_key=True)
        t.column("role", str, null=False, default="guest")
        t.column("since", int, null=False, default=0)
    with m.create_table("sites") as t:
        t.column("area", str, primary_key=True)
        t.column("number", int, primary_key=True)
    with m.create_table("probes") as t:
        t.column("site_area", str)
        t.column("site_number", int)
    with m.create_table("site_links", primary_key=False) as t:
        for side in ("from", "to"):
            t.column(f"{side}_area", str, null=False)
            t.column(f"{side}_number", int, null=False)

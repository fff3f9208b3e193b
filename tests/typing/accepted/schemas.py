"""Members are expressions on the class and plain values on the instance, inherited ones too. A museum."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar, assert_type
from uuid import UUID, uuid4

from ectype import (
    BelongsTo,
    Column,
    Field,
    HasMany,
    Meta,
    Registry,
    Rel,
    Schema,
    Timestamps,
    alias,
    belongs_to,
    evolve,
    field,
    has_many,
    is_loaded,
    meta,
    primary_key,
)


class Kind(StrEnum):
    PAINTING = "painting"
    DRAWING = "drawing"


class Stock(Schema, abstract=True, prefix="stock", registry=Registry()):
    """A base class of options only."""


class Located:
    """A mixin: a plain class with members that are filled for the caller."""

    room: Field[str] = field(default="store")
    hall: Field[int | None] = field(default=None)


class Artist(Stock, Timestamps, table="artists"):
    id: Field[int] = primary_key()
    name: Field[str]
    born: Field[date | None] = field(default=None)
    teacher_id: Field[int | None] = field(default=None)
    teacher: BelongsTo[Artist | None] = belongs_to()
    works: HasMany[Work] = has_many()


class Work(Stock, Located, Timestamps, table="works"):
    MAX_TAGS: ClassVar[int] = 5

    number: Field[UUID] = primary_key(autogenerate=uuid4)
    title: Field[str]
    kind: Field[Kind] = field(default=Kind.PAINTING)
    value: Field[Decimal] = field(scale=2)
    width: Field[float | None] = field(default=None, source="width_mm")
    tags: Field[list[str]] = field(default_factory=list)
    notes: Field[dict[str, Any]] = field(default_factory=dict)
    secret: Field[str | None] = field(virtual=True, redact=True, default=None)
    artist_id: Field[int]
    artist: BelongsTo[Artist] = belongs_to()
    visits: HasMany[Visit] = has_many(foreign_key="work_number")

    @property
    def label(self) -> str:
        return f"{self.title} ({self.kind})"

    def insured(self, *, share: Decimal) -> Decimal:
        return self.value * share


class Visit(Stock, table="visits"):
    id: Field[int] = primary_key()
    work_number: Field[UUID]
    work: BelongsTo[Work] = belongs_to(foreign_key="work_number")
    guide_id: Field[int | None] = field(default=None)
    guide: BelongsTo[Artist | None] = belongs_to(foreign_key="guide_id")
    began_at: Field[datetime]
    opens: Field[time | None] = field(default=None)
    lasted: Field[timedelta | None] = field(default=None)
    stars: Field[int | None] = field(default=None)
    paid: Field[bool] = field(default=False)


class Room(Schema, table="rooms"):
    building: Field[str] = field(primary_key=True)
    number: Field[int] = field(primary_key=True)


def on_the_class() -> None:
    assert_type(Artist.id, Column[Artist, int])
    assert_type(Artist.born, Column[Artist, date | None])
    assert_type(Work.number, Column[Work, UUID])
    assert_type(Work.kind, Column[Work, Kind])
    assert_type(Work.value, Column[Work, Decimal])
    assert_type(Work.width, Column[Work, float | None])
    assert_type(Work.tags, Column[Work, list[str]])
    assert_type(Work.notes, Column[Work, dict[str, Any]])
    assert_type(Visit.lasted, Column[Visit, timedelta | None])
    assert_type(Visit.paid, Column[Visit, bool])
    assert_type(Work.MAX_TAGS, int)


def from_mixins() -> None:
    assert_type(Artist.inserted_at, Column[Artist, datetime])
    assert_type(Work.updated_at, Column[Work, datetime])
    assert_type(Work.room, Column[Work, str])
    assert_type(Work.hall, Column[Work, int | None])


def paths() -> None:
    assert_type(Artist.works, Rel[Artist, list[Work]])
    assert_type(Artist.teacher, Rel[Artist, Artist | None])
    assert_type(Work.artist, Rel[Work, Artist])
    assert_type(Artist.works / Work.visits, Rel[Artist, list[Visit]])
    assert_type(Artist.works / Work.visits / Visit.guide, Rel[Artist, Artist | None])
    assert_type(Visit.guide / Artist.works, Rel[Visit, list[Work]])
    assert_type(Visit.work / Work.artist / Artist.teacher, Rel[Visit, Artist | None])


def on_an_alias() -> None:
    pupil = alias(Artist, "pupil")
    assert_type(pupil, type[Artist])
    assert_type(pupil.name, Column[Artist, str])
    assert_type(pupil.teacher, Rel[Artist, Artist | None])


def on_the_instance(artist: Artist, work: Work, visit: Visit) -> None:
    assert_type(artist.id, int)
    assert_type(artist.born, date | None)
    assert_type(artist.inserted_at, datetime)
    assert_type(artist.teacher, Artist | None)
    assert_type(artist.works, list[Work])
    assert_type(work.number, UUID)
    assert_type(work.kind, Kind)
    assert_type(work.room, str)
    assert_type(work.hall, int | None)
    assert_type(work.artist.name, str)
    assert_type(work.label, str)
    assert_type(work.insured(share=Decimal("0.5")), Decimal)
    assert_type(visit.guide, Artist | None)
    assert_type(visit.lasted, timedelta | None)
    assert_type(is_loaded(work, Work.artist), bool)


artemisia = Artist(name="Artemisia", born=date(1593, 7, 8), teacher=None, works=[])
judith = Work(title="Judith", value=Decimal("9.50"), artist_id=1, artist=artemisia, tags=["oil"], secret="x")
assert_type(Visit(id=7, work_number=uuid4(), began_at=datetime.now(UTC)).stars, int | None)
assert_type(judith, Work)
assert_type(evolve(judith, title="Judith II", value=Decimal(10)), Work)
assert_type(meta(judith), Meta)
assert_type(Room(building="north", number=3).number, int)

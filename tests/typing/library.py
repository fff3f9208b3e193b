"""The schemas of the typing programs: a lending library."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID, uuid4

from ectype import BelongsTo, Field, HasMany, Schema, Timestamps, belongs_to, field, has_many, primary_key


class Genre(StrEnum):
    NOVEL = "novel"
    ESSAY = "essay"


class Author(Schema, Timestamps, table="authors"):
    id: Field[int] = primary_key()
    name: Field[str]
    born: Field[date | None] = field(default=None)
    books: HasMany[Book] = has_many()


class Book(Schema, Timestamps, table="books"):
    id: Field[int] = primary_key()
    title: Field[str]
    isbn: Field[str | None] = field(default=None)
    pages: Field[int] = field(default=0)
    price: Field[Decimal]
    genre: Field[Genre] = field(default=Genre.NOVEL)
    tags: Field[list[str]] = field(default_factory=list)
    writer_id: Field[int]
    author: BelongsTo[Author] = belongs_to(foreign_key="writer_id")
    loans: HasMany[Loan] = has_many()


class Reader(Schema, table="readers"):
    id: Field[UUID] = primary_key(autogenerate=uuid4)
    name: Field[str]
    card: Field[str | None] = field(virtual=True, redact=True, default=None)
    guarantor_id: Field[UUID | None] = field(default=None)
    guarantor: BelongsTo[Reader | None] = belongs_to()
    loans: HasMany[Loan] = has_many()


class Loan(Schema, table="loans"):
    id: Field[int] = primary_key()
    book_id: Field[int]
    book: BelongsTo[Book] = belongs_to()
    reader_id: Field[UUID | None] = field(default=None)
    reader: BelongsTo[Reader | None] = belongs_to()
    taken_at: Field[datetime]
    returned_at: Field[datetime | None] = field(default=None)
    renewals: Field[int | None] = field(default=None)
    fine: Field[Decimal | None] = field(default=None)


class Line(Schema):
    """A shape: what a row of the catalogue shows."""

    title: Field[str]
    writer: Field[str]
    lent: Field[int]


class Chain(Schema):
    """A shape: a reader and how many steps of guarantors away."""

    reader_id: Field[UUID]
    guarantor_id: Field[UUID | None]
    steps: Field[int]

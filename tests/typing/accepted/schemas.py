"""Members are expressions on the class and plain values on the instance."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import assert_type
from uuid import UUID

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
from tests.typing.library import Author, Book, Genre, Loan, Reader

shelves = Registry()


class Shelved(Schema, abstract=True, registry=shelves, prefix="stock"):
    """A base of options only."""


class Located:
    """A mixin: a plain class, whose members are filled for the caller."""

    room: Field[str] = field(default="reading room")


class Shelf(Shelved, Located, Timestamps, table="shelves"):
    code: Field[str] = field(primary_key=True)
    width_mm: Field[int] = field(source="width", default=900)
    parent_code: Field[str | None] = field(default=None)
    parent: BelongsTo[Shelf | None] = belongs_to(foreign_key="parent_code")
    boxes: HasMany[Box] = has_many(foreign_key="shelf_code")

    @property
    def label(self) -> str:
        return f"{self.room}/{self.code}"


class Box(Shelved, table="boxes"):
    id: Field[int] = primary_key()
    shelf_code: Field[str]
    shelf: BelongsTo[Shelf] = belongs_to(foreign_key="shelf_code")


# --- on the class: columns and paths

assert_type(Author.id, Column[Author, int])
assert_type(Author.name, Column[Author, str])
assert_type(Author.born, Column[Author, date | None])
assert_type(Author.inserted_at, Column[Author, datetime])
assert_type(Author.books, Rel[Author, list[Book]])
assert_type(Book.price, Column[Book, Decimal])
assert_type(Book.genre, Column[Book, Genre])
assert_type(Book.tags, Column[Book, list[str]])
assert_type(Book.author, Rel[Book, Author])
assert_type(Reader.id, Column[Reader, UUID])
assert_type(Loan.reader, Rel[Loan, Reader | None])
assert_type(Author.books / Book.loans, Rel[Author, list[Loan]])
assert_type(Author.books / Book.loans / Loan.reader, Rel[Author, Reader | None])
assert_type(Loan.reader / Reader.loans, Rel[Loan, list[Loan]])

# --- through a base of options, and from mixins

assert_type(Shelf.code, Column[Shelf, str])
assert_type(Shelf.room, Column[Shelf, str])
assert_type(Shelf.updated_at, Column[Shelf, datetime])
assert_type(Shelf.parent, Rel[Shelf, Shelf | None])
assert_type(Shelf.boxes / Box.shelf, Rel[Shelf, Shelf])

# --- an alias has the members of its schema

elder = alias(Reader, "elder")
assert_type(elder, type[Reader])
assert_type(elder.name, Column[Reader, str])
assert_type(elder.guarantor, Rel[Reader, Reader | None])

# --- on the instance: values

ursula = Author(name="Ursula", born=date(1929, 10, 21))
book = Book(id=7, title="The Lathe", price=Decimal("9.50"), writer_id=1, author=ursula, tags=["sf"], loans=[])
assert_type(ursula.name, str)
assert_type(ursula.born, date | None)
assert_type(ursula.books, list[Book])
assert_type(ursula.inserted_at, datetime)
assert_type(book.genre, Genre)
assert_type(book.tags, list[str])
assert_type(book.author, Author)
assert_type(book.author.name, str)
assert_type(Loan(book_id=7, taken_at=datetime.now(UTC), reader=None).reader, Reader | None)
assert_type(Shelf(code="A1").room, str)
assert_type(Shelf(code="A1", parent=None, boxes=[Box(shelf_code="A1")]).label, str)

assert_type(evolve(book, title="The Dispossessed", pages=341), Book)
assert_type(meta(book), Meta)
assert_type(is_loaded(book, Book.author), bool)

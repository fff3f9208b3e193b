"""A lending library: the schemas that the journeys travel through, and the migrations that make their tables."""

from datetime import date
from typing import Any

from ectype import BelongsTo, Changeset, Field, HasMany, Schema, belongs_to, change, field, has_many, primary_key
from ectype.migrations import Migration
from ectype.schema.schema import Timestamps


class Author(Schema, table="authors"):
    id: Field[int] = primary_key()
    name: Field[str]
    books: "HasMany[Book]" = has_many()


class Book(Schema, Timestamps, table="books"):
    id: Field[int] = primary_key()
    title: Field[str]
    isbn: Field[str]
    pages: Field[int]
    published: Field[date | None] = field(default=None)
    shelf: Field[dict[str, Any]] = field(default_factory=dict)
    author_id: Field[int]
    author: BelongsTo[Author] = belongs_to()


class Shelf(Schema):
    """A line of the report: a shape without a table."""

    author: Field[str]
    books: Field[int]
    pages: Field[int | None]


def book_form(subject: Book | type[Book], params: dict[str, object]) -> Changeset[Book]:
    """What a form may say about a book."""
    return (
        change(subject)
        .cast(params, Book.title, Book.isbn, Book.pages, Book.published, Book.author_id)
        .validate_required(Book.title, Book.isbn, Book.pages, Book.author_id)
        .validate_format(Book.isbn, r"^[0-9]{13}$", message="has 13 digits")
        .validate_number(Book.pages, greater_than=0)
        .unique_constraint(Book.isbn)
        .foreign_key_constraint(Book.author_id)
    )


def make_tables(m: Migration) -> None:
    """Make the tables."""
    with m.create_table("authors") as t:
        t.column("name", str, null=False)
    with m.create_table("books") as t:
        t.column("title", str, null=False)
        t.column("isbn", str, null=False)
        t.column("pages", int, null=False)
        t.column("published", date)
        t.column("shelf", dict[str, Any], null=False)
        t.references("author_id", "authors", null=False)
        t.timestamps()
    m.create_index("books", "isbn", unique=True)

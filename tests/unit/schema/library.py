"""A library with associations of every kind and every way to replace, for the tests of changesets of changesets."""

from collections.abc import Mapping
from typing import Any, TypeVar

from ectype import (
    BelongsTo,
    Changeset,
    Field,
    HasMany,
    HasOne,
    ManyToMany,
    Meta,
    Registry,
    Schema,
    belongs_to,
    change,
    field,
    has_many,
    has_one,
    many_to_many,
    primary_key,
)
from ectype.schema.structs import placed

M = TypeVar("M", bound=Schema)


class Library(Schema, abstract=True, registry=Registry()):
    pass


class Author(Library, table="authors"):
    id: Field[int] = primary_key()
    name: Field[str]
    books: "HasMany[Book]" = has_many(on_replace="delete")
    raising: "HasMany[Book]" = has_many(foreign_key="author_id")
    invalid: "HasMany[Book]" = has_many(foreign_key="author_id", on_replace="mark_as_invalid")
    nilified: "HasMany[Book]" = has_many(foreign_key="author_id", on_replace="nilify")
    profile: "HasOne[Profile | None]" = has_one(on_replace="delete", defaults={"bio": "none yet"})
    raising_profile: "HasOne[Profile | None]" = has_one(foreign_key="author_id")
    invalid_profile: "HasOne[Profile | None]" = has_one(foreign_key="author_id", on_replace="mark_as_invalid")
    updated_profile: "HasOne[Profile | None]" = has_one(foreign_key="author_id", on_replace="update")
    readers: "HasMany[Tag]" = has_many(through=lambda: Author.books / Book.tags)


class Profile(Library, table="profiles"):
    id: Field[int] = primary_key()
    bio: Field[str]
    secret: Field[str | None] = field(default=None, redact=True)
    author_id: Field[int | None] = field(default=None)

    @staticmethod
    def changeset(profile: "Profile", params: Mapping[str, object]) -> "Changeset[Profile]":
        return change(profile).cast(params, Profile.bio, Profile.secret).validate_required(Profile.bio)


class Book(Library, table="books"):
    id: Field[int] = primary_key()
    title: Field[str]
    pages: Field[int] = field(default=1)
    place: Field[int | None] = field(default=None)
    author_id: Field[int | None] = field(default=None)
    author: BelongsTo[Author | None] = belongs_to(on_replace="nilify")
    chapters: "HasMany[Chapter]" = has_many(on_replace="delete")
    tags: "ManyToMany[Tag]" = many_to_many(through="books_tags", on_replace="delete")
    labels: "ManyToMany[Tag]" = many_to_many(through="books_tags", on_replace="delete", unique=True)

    @staticmethod
    def changeset(book: "Book", params: Mapping[str, object]) -> "Changeset[Book]":
        made = change(book).cast(params, Book.title, Book.pages).validate_required(Book.title)
        made = made.validate_number(Book.pages, greater_than=0)
        action = params.get("action")
        return made.with_action(action) if isinstance(action, str) else made


class Chapter(Library, table="chapters"):
    id: Field[int] = primary_key()
    heading: Field[str]
    book_id: Field[int]
    book: BelongsTo[Book] = belongs_to()

    @staticmethod
    def changeset(chapter: "Chapter", params: Mapping[str, object]) -> "Changeset[Chapter]":
        return change(chapter).cast(params, Chapter.heading).validate_required(Chapter.heading)


class Tag(Library, table="tags"):
    id: Field[int] = primary_key()
    name: Field[str]


class Shelf(Library, table="shelves"):
    """A key of two columns."""

    room: Field[str] = field(primary_key=True)
    number: Field[int] = field(primary_key=True)
    boxes: "HasMany[Box]" = has_many(foreign_key=("room", "number"), on_replace="delete")


class Box(Library, table="boxes"):
    room: Field[str] = field(primary_key=True)
    number: Field[int] = field(primary_key=True)
    letter: Field[str] = field(primary_key=True)
    label: Field[str | None] = field(default=None)


class Node(Library, table="nodes"):
    """One that holds itself."""

    id: Field[int] = primary_key()
    name: Field[str | None] = field(default=None)
    parent_id: Field[int | None] = field(default=None)
    children: "HasMany[Node]" = has_many(foreign_key="parent_id", on_replace="delete")
    only: "HasOne[Node | None]" = has_one(foreign_key="parent_id", on_replace="delete")

    @staticmethod
    def changeset(node: "Node", params: Mapping[str, object]) -> "Changeset[Node]":
        return change(node).cast(params, Node.name).cast_assoc(Node.children).cast_assoc(Node.only)


def loaded(struct: M, prefix: str | None = None) -> M:
    """Return a struct as if it had been loaded."""
    info: Any = struct.__class__.__schema__
    return placed(struct, Meta("loaded", info.table, prefix))


def author(**associations: Any) -> Author:
    """Return a loaded author."""
    return loaded(Author(id=1, name="Ursula", **associations))


def book(key: int, title: str = "", **values: Any) -> Book:
    """Return a loaded book."""
    return loaded(Book(id=key, title=title or f"book {key}", author_id=1, **values))


def told(changeset: Changeset[Any], name: str) -> list[tuple[str | None, int | None, dict[str, Any]]]:
    """Return what becomes of the entries of an association: the action of each, its key and its changes."""
    found = changeset.changes[name]
    listed = found if isinstance(found, tuple) else () if found is None else (found,)
    return [(one.action, getattr(one.data, "id", None), dict(one.changes)) for one in listed]

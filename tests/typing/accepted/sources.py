"""Joins of every kind and sources of every kind: what comes into scope, and what may be missing."""

from __future__ import annotations

from typing import TypeVar, assert_type

from ectype import (
    Field,
    Maybe,
    Over,
    Query,
    Schema,
    alias,
    fn,
    fragment,
    from_,
    maybe,
    outer,
    primary_key,
    source,
    subquery,
    values,
)
from ectype import cte as named
from tests.typing.accepted.library import Book, Loan, Shelf

A = TypeVar("A")
Z = TypeVar("Z")
R = TypeVar("R")


class Wanted(Schema):
    title: Field[str]
    copies: Field[int]


class Number(Schema):
    n: Field[int] = primary_key()


def rows(_query: Query[A, Z, R]) -> list[R]:
    """What `repo.all` gives for a query."""
    return []


books = from_(Book)

# A right join keeps the rows of what is joined: all before it may be missing.
right = books.right_join(Shelf, on=Book.shelf_id == Shelf.id)
assert_type(rows(right), "list[Book | None]")
assert_type(rows(right.select(Shelf)), list[Shelf])
assert_type(rows(right.select(Shelf.room, maybe(Book.title))), list[tuple[str, str | None]])
assert_type(rows(right.select(maybe(Book), Shelf.id)), "list[tuple[Book | None, int]]")
assert_type(rows(right.group_by(Shelf.id).select(Shelf.id, fn.count(Book.id))), list[tuple[int, int]])
assert_type(rows(right.where(Book.pages > 3).order_by(Shelf.room, maybe(Book.title))), "list[Book | None]")
assert_type(rows(books.right_join(Book.shelf).select(maybe(Book), Shelf)), "list[tuple[Book | None, Shelf]]")
assert_type(rows(books.right_join(Book.loans).select(maybe(Book.id), Loan.id)), list[tuple[int | None, int]])

assert_type(rows(right.preload(Book.shelf)), "list[Book | None]")

# What an outer join had left out before stays what may be missing.
twice = books.left_join(Book.loans).right_join(Shelf, on=Book.shelf_id == Shelf.id)
assert_type(rows(twice.select(maybe(Book.title), maybe(Loan.id), Shelf.room)), list[tuple[str | None, int | None, str]])
after = right.join(Book.loans)
assert_type(rows(after.select(Loan.id, maybe(Book.title), Shelf.room)), list[tuple[int, str | None, str]])

# A full join may leave out either side.
full = books.full_join(Shelf, on=Book.shelf_id == Shelf.id)
assert_type(rows(full), "list[Book | None]")
assert_type(rows(full.select(maybe(Book), maybe(Shelf.room))), "list[tuple[Book | None, str | None]]")
assert_type(rows(books.full_join(Book.shelf).select(fn.count(Shelf.id), fn.count(Book.id))), list[tuple[int, int]])

# A cross join puts all beside all.
assert_type(rows(books.cross_join(Shelf).select(Book.title, Shelf.room)), list[tuple[str, str]])
assert_type(rows(books.cross_join(Shelf).where(Shelf.id != Book.shelf_id)), list[Book])

# A condition adds to the one of an association.
narrowed = books.join(Book.shelf, on=Shelf.room == "b").left_join(Book.loans, on=Loan.id > Book.id)
assert_type(rows(narrowed.select(Shelf.id, maybe(Loan.id))), list[tuple[int, int | None]])
other = alias(Shelf, "other")
assert_type(rows(books.join(Book.shelf, as_=other, on=other.room == "b").select(other.id)), list[int])

# A query of one schema is joined under that schema's name.
thick = from_(Book).where(Book.pages > 300)
shelves = from_(Shelf).join(thick, on=Book.shelf_id == Shelf.id)
assert_type(rows(shelves.select(Shelf.room, Book.title)), list[tuple[str, str]])
loose = from_(Shelf).left_join(thick.limit(3), on=Book.shelf_id == Shelf.id)
assert_type(rows(loose.select(Shelf.room, maybe(Book.title))), list[tuple[str, str | None]])
counted = from_(Book).group_by(Book.title).project(Wanted(title=Book.title, copies=fn.count()))
assert_type(rows(books.join(counted, on=Wanted.title == Book.title).select(Wanted.copies)), list[int])
w = alias(Wanted, "w")
assert_type(rows(books.join(counted, as_=w, on=w.title == Book.title)), list[Book])
assert_type(rows(from_(Shelf).right_join(thick, on=Book.shelf_id == Shelf.id).select(Book)), list[Book])

# A lateral subquery reads the sources before it.
newest = subquery(from_(Loan).where(Loan.book_id == outer(Book.id)).order_by(Loan.id.desc()).limit(2), "newest")
assert_type(rows(books.join(newest, lateral=True).select(Book.title, newest.id)), list[tuple[str, int]])
assert_type(rows(books.left_join(newest, lateral=True).select(Book.id, maybe(newest.id))), list[tuple[int, int | None]])
assert_type(rows(books.left_join(newest, on=newest.id > 3, lateral=True)), list[Book])
assert_type(rows(books.cross_join(newest, lateral=True).select(newest.id)), list[int])

# Sources have the type of their schema.
archive = source(Book, "archived_books", prefix="old")
assert_type(archive, type[Book])
assert_type(rows(from_(archive).where(archive.pages > 3)), list[Book])
assert_type(rows(from_(source(Book, hint="NOT INDEXED"))), list[Book])
assert_type(rows(from_(Shelf).join(archive, on=archive.shelf_id == Shelf.id).select(archive.title)), list[str])
numbers = source(Number, fragment("generate_series(1, {})", 9), columns=[Number.n])
assert_type(rows(from_(numbers).select(numbers.n)), list[int])
wanted = values(Wanted, [Wanted(title="x", copies=2), Wanted(title="y", copies=1)], name="wanted")
assert_type(values(Wanted, [{"title": "x", "copies": 2}], name="other"), type[Wanted])
assert_type(wanted, type[Wanted])
assert_type(rows(books.join(wanted, on=wanted.title == Book.title).select(Book, wanted.copies)), list[tuple[Book, int]])

# What keeps the type keeps it.
assert_type(books.prefix("tenant"), Query[Book, Book, Book])
assert_type(books.has_binding(Shelf), bool)
best = named(Wanted, "best")
assert_type(rows(from_(best).with_cte(best, counted, materialized=True)), list[Wanted])

# A part joins what it needs, unless that is joined already.
assert_type(rows(books.ensure_join(Book.shelf).where(Shelf.room == "b").select(Shelf.room)), list[str])
assert_type(books.ensure_join(Shelf, on=Book.shelf_id == Shelf.id), Query[Book | Shelf, Book | Shelf, Book])


def in_room(query: Over[Book], room: str) -> Over[Book]:
    return query.ensure_join(Book.shelf).where(Shelf.room == room)


assert_type(rows(books.join(Book.shelf).scope(in_room, "b").select(Shelf.id)), list[int])
assert_type(books.left_join(Book.loans), Query[Book | Loan | Maybe[Loan], Book | Maybe[Loan], Book])

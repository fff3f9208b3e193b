"""A small library: everything that the typed core promises, asserted, in pyright strict and in mypy strict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, assert_type

from ectype import (
    Assignment,
    BelongsTo,
    Changeset,
    Column,
    Expr,
    Field,
    HasMany,
    Ignored,
    Inserted,
    Invalid,
    Ok,
    Over,
    Q,
    Query,
    Rel,
    Repo,
    RolledBack,
    Schema,
    Timestamps,
    Transaction,
    Updated,
    alias,
    and_,
    belongs_to,
    change,
    cte,
    do_nothing,
    do_update,
    escape_like,
    excluded,
    exists,
    field,
    fn,
    fragment,
    from_,
    has_many,
    literal,
    maybe,
    or_,
    outer,
    primary_key,
    replace,
    scalar,
    subquery,
    unique,
    window,
)


class Shelf(Schema, table="shelves"):
    id: Field[int] = primary_key()
    room: Field[str]
    books: HasMany[Book] = has_many()


class Book(Schema, Timestamps, table="books"):
    id: Field[int] = primary_key()
    title: Field[str]
    isbn: Field[str | None] = field(default=None)
    pages: Field[int] = field(default=0)
    price: Field[Decimal] = field(default=Decimal(0), scale=2)
    extra: Field[dict[str, Any]] = field(default_factory=dict)
    read_at: Field[datetime | None] = field(default=None)
    shelf_id: Field[int]
    shelf: BelongsTo[Shelf] = belongs_to()
    loans: HasMany[Loan] = has_many()


class Loan(Schema, table="loans"):
    id: Field[int] = primary_key()
    reader: Field[str]
    days: Field[int | None] = field(default=None)
    book_id: Field[int | None] = field(default=None)
    book: BelongsTo[Book | None] = belongs_to()


class Line(Schema):
    title: Field[str]
    room: Field[str]
    loans: Field[int]


class Tree(Schema):
    id: Field[int]
    depth: Field[int]


@dataclass
class Dto:
    title: str
    pages: int


def members(shelf: Shelf, book: Book, loan: Loan) -> None:
    assert_type(Book.title, Column[Book, str])
    assert_type(book.title, str)
    assert_type(Book.isbn, Column[Book, str | None])
    assert_type(book.isbn, str | None)
    assert_type(Shelf.books, Rel[Shelf, list[Book]])
    assert_type(shelf.books, list[Book])
    assert_type(Book.shelf, Rel[Book, Shelf])
    assert_type(book.shelf, Shelf)
    assert_type(Loan.book, Rel[Loan, Book | None])
    assert_type(loan.book, Book | None)
    assert_type(Book.inserted_at, Column[Book, datetime])
    assert_type(book.inserted_at, datetime)
    assert_type(book.extra, dict[str, Any])
    Book(title="x", shelf_id=1, loans=[Loan(reader="a")])
    Shelf(id=3, room="r")


def read(query: Over[Book]) -> Over[Book]:
    return query.where(Book.read_at.is_not_null())


def long(query: Over[Book], least: int = 100) -> Over[Book]:
    return query.where(Book.pages >= least).order_by(Book.pages.desc())


def fine() -> Expr[Book, bool]:
    return Book.pages > 1


async def queries(repo: Repo, ids: Sequence[int], rows: list[dict[str, object]], term: str) -> None:
    assert_type(from_(Book), Query[Book, Book, Book])
    exactly: Q[Book] = from_(Book)
    assert_type(await repo.all(exactly), list[Book])
    assert_type(await repo.all(Book), list[Book])
    assert_type(await repo.one(from_(Book)), Book | None)
    assert_type(await repo.one_or_raise(from_(Book)), Book)
    query = (
        from_(Book)
        .scope(read)
        .scope(long)
        .join(Book.shelf)
        .left_join(Book.loans)
        .scope(long, least=3)
        .where(fine(), Shelf.room == "r", Book.title.ilike("%" + escape_like(term) + "%"))
        .where(or_(Book.pages > 3, Shelf.room.in_(["a"])))
        .where(and_(Book.pages > 1))
        .group_by(Book.id, Shelf.id)
        .having(fn.count(Loan.id) > 1)
        .order_by(fn.count(Loan.id).desc(), Book.title)
        .limit(3)
        .offset(1)
    )
    assert_type(await repo.all(query), list[Book])
    assert_type(await repo.all(query.select(Book.id, Shelf.room)), list[tuple[int, str]])
    assert_type(await repo.all(query.select(Book.title)), list[str])
    assert_type(await repo.all(query.select(Book, Shelf.room)), list[tuple[Book, str]])
    assert_type(await repo.all(query.select(Book.title, maybe(Loan.reader))), list[tuple[str, str | None]])
    assert_type(await repo.all(query.select(Book.title, maybe(Loan))), list[tuple[str, Loan | None]])
    assert_type(
        await repo.all(query.select(Book.title, fn.count(Loan.id), fn.max(Loan.days))),
        list[tuple[str, int, int | None]],
    )
    assert_type(
        await repo.all(query.select(fn.sum(Book.pages), fn.avg(Book.pages), fn.avg(Book.price), fn.min(Book.read_at))),
        list[tuple[int | None, Decimal | None, Decimal | None, datetime | None]],
    )
    assert_type(
        await repo.all(query.project(Line(title=Book.title, room=Shelf.room, loans=fn.count(Loan.id)))), list[Line]
    )
    assert_type(await repo.all(query.select_into(Dto, Book.title, Book.pages)), list[Dto])
    assert_type(await repo.all(query.select(Book.title, Shelf.room).scope(read)), list[tuple[str, str]])
    ten = from_(Book).select(
        Book.id,
        Book.title,
        Book.isbn,
        Book.pages,
        Book.price,
        Book.read_at,
        Book.shelf_id,
        Book.inserted_at,
        Book.updated_at,
        Book.id,
    )
    assert_type(
        await repo.all(ten),
        list[tuple[int, str, str | None, int, Decimal, datetime | None, int, datetime, datetime, int]],
    )
    other = alias(Book, "other")
    from_(Book).join(other, on=Book.shelf_id == other.shelf_id).where(other.pages > Book.pages)
    path = Shelf.books.where(Book.pages > 3).order_by(Book.id).limit(2) / Book.loans
    assert_type(path, Rel[Shelf, list[Loan]])
    assert_type(await repo.all(from_(Shelf).preload(path, Shelf.books / Book.shelf)), list[Shelf])
    t = cte(Tree, "tree")
    start = from_(Book).project(Tree(id=Book.id, depth=literal(0)))
    assert_type(await repo.all(from_(t).with_cte(t, start, recursive=True)), list[Tree])
    best = subquery(from_(Book).where(Book.pages > 3), "best")
    assert_type(
        await repo.all(from_(Shelf).join(best, on=best.shelf_id == Shelf.id).select(Shelf.room, best.title)),
        list[tuple[str, str]],
    )
    from_(Book).where(~exists(from_(Loan).where(Loan.book_id == outer(Book.id))))
    from_(Book).where(Book.id.in_(from_(Loan).select(Loan.book_id)), fragment("lower({})", Book.title) == "x")
    from_(Book).where(Book.id == scalar(from_(Loan).select(fn.max(Loan.book_id))))
    ranked = from_(Book).select(
        Book.id,
        fn.row_number().over(window(partition_by=Book.shelf_id, order_by=Book.pages.desc())),
        fn.sum(Book.pages).filter(Book.pages > 1).over(window(order_by=Book.id, frame=fn.rows(-3, 0))),
    )
    assert_type(await repo.all(ranked), list[tuple[int, int, int | None]])
    assert_type(Book.pages.inc(1), Assignment[Book])
    assert_type(await repo.update_all(from_(Book).where(Book.id.in_(ids)), Book.pages.inc(1), Book.title.set("x")), int)
    assert_type(await repo.update_all(from_(Book), Book.pages.inc(1), returning=Book.id), list[int])
    assert_type(await repo.update_all(from_(Book), Book.pages.inc(1), returning=Book), list[Book])
    assert_type(await repo.delete_all(from_(Book)), int)
    assert_type(await repo.delete_all(from_(Book), returning=Book.title), list[str])
    assert_type(await repo.insert_all(Book, rows), int)
    assert_type(
        await repo.insert_all(
            Book, rows, on_conflict=replace(Book.title), conflict_target=Book.isbn, returning=Book.id
        ),
        list[int],
    )
    assert_type(await repo.insert_all(Book, rows, returning=(Book.id, Book.title)), list[tuple[int, str]])
    assert_type(await repo.insert_all(Book, [Book(title="x", shelf_id=1)], returning=Book), list[Book])
    assert_type(await repo.exists(Book), bool)
    assert_type(await repo.aggregate(Book, fn.max(Book.pages)), int | None)
    assert_type(await repo.aggregate(from_(Book), fn.count(Book.id)), int)


def entry(params: Mapping[str, object]) -> Changeset[Book]:
    return change(Book).cast(params, Book.title).validate_required(Book.title)


async def writes(repo: Repo, params: Mapping[str, object]) -> int:
    book = await repo.insert(entry(params))
    assert_type(book, Book)
    assert_type(await repo.insert(Book(title="x", shelf_id=1)), Book)
    assert_type(await repo.update(change(book, Book.title.set("y"))), Book)
    assert_type(await repo.delete(book), Book)
    assert_type(await repo.get(Book, 1), Book | None)
    assert_type(await repo.get_or_raise(Book, 1), Book)
    assert_type(await repo.get_by(Book, Book.title == "x"), Book | None)
    assert_type(await repo.get_by_or_raise(Book, Book.title == "x"), Book)
    assert_type(await repo.preload(book, Book.loans), Book)
    assert_type(await repo.preload([book], Book.loans), list[Book])
    match await repo.upsert(entry(params), on_conflict=replace(Book.title), conflict_target=Book.isbn):
        case Inserted(made) | Updated(made):
            assert_type(made, Book)
        case Ignored(there):
            assert_type(there, Book | None)
    await repo.upsert(
        entry(params),
        on_conflict=do_update(Book.pages.inc(1), Book.title.set(excluded(Book.title)), where=Book.pages < 3),
        conflict_target=(Book.isbn, Book.title),
    )
    await repo.upsert(entry(params), on_conflict=do_nothing())
    await repo.upsert(
        entry(params), on_conflict=replace(Book.title), conflict_target=unique(Book.isbn, where=Book.title != "")
    )
    async with repo.transaction() as tx:
        assert_type(tx, Transaction)

    async def work() -> int:
        return 1

    async def with_tx(tx: Transaction) -> str:
        return "x"

    assert_type(await repo.transact(work, isolation="serializable", retries=2), int)
    assert_type(await repo.transact(with_tx), str | RolledBack)
    repo.after_commit(lambda: None)
    assert_type(repo.to_sql(from_(Book)), tuple[str, tuple[object, ...]])
    match await repo.try_insert(entry(params)):
        case Ok(stored):
            return stored.id
        case Invalid(changeset):
            assert_type(changeset, Changeset[Book])
            return len(changeset.errors)

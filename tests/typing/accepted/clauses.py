"""Clauses of the whole query, writes over queries and what comes back of them, asserted in both checkers."""

from __future__ import annotations

from typing import Any, assert_type

from ectype import POSTGRES, Q, Query, Repo, alias, cte, fn, fragment, from_, literal, maybe, outer, scalar, window
from tests.typing.accepted.library import Book, Dto, Loan, Shelf, Tree


def clauses() -> None:
    query = from_(Book)
    assert_type(query.where(Book.pages > 3).or_where(Book.id == 1, Book.isbn == "x"), Query[Book, Book, Book])
    assert_type(
        query.group_by(Book.id).having(fn.count() > 1).or_having(fn.max(Book.pages) > 3), Query[Book, Book, Book]
    )
    assert_type(query.prepend_order_by(Book.pages.desc(), Book.title), Query[Book, Book, Book])
    assert_type(query.reverse_order().first(), Query[Book, Book, Book])
    assert_type(query.first(Book.read_at), Query[Book, Book, Book])
    assert_type(query.last(Book.id.desc()), Query[Book, Book, Book])
    assert_type(query.distinct(Book.shelf_id, Book.pages.desc()), Query[Book, Book, Book])
    assert_type(query.distinct().limit(3, with_ties=True), Query[Book, Book, Book])
    shelves = scalar(from_(Shelf).select(fn.count()))
    assert_type(query.limit(shelves).offset(fn.coalesce(shelves, 3)), Query[Book, Book, Book])
    assert_type(query.select(Book.title).limit(literal(3) + 1, with_ties=True), Query[Book, Book, str])
    assert_type(query.limit(fragment("{} + 1", shelves)), Query[Book, Book, Book])
    inner = from_(Loan).where(Loan.book_id == outer(Book.id)).limit(outer(Book.pages))
    assert_type(inner, Query[Loan, Loan, Loan])
    assert_type(query.intersect_all(query).except_all(query), Query[Book, Book, Book])
    joined = query.join(Book.shelf).or_where(Shelf.room == "r").distinct(Shelf.room)
    assert_type(joined, Query[Book | Shelf, Book | Shelf, Book])
    exactly: Q[Book] = query.or_where(Book.id == 3)
    assert_type(exactly.tables(), tuple[str, ...])
    assert_type(exactly.to_sql(POSTGRES, pretty=True), tuple[str, tuple[object, ...]])


def locks() -> None:
    query = from_(Book)
    assert_type(query.for_update(skip_locked=True).for_share(nowait=True), Query[Book, Book, Book])
    joined = query.join(Book.shelf)
    assert_type(joined.for_no_key_update(of=Shelf), Query[Book | Shelf, Book | Shelf, Book])
    assert_type(joined.for_key_share(of=[Book, Shelf]), Query[Book | Shelf, Book | Shelf, Book])
    other = alias(Book, "other")
    from_(Book).join(other, on=other.id == Book.id).for_update(of=other)


def without() -> None:
    query = from_(Book).where(Book.pages > 3)
    assert_type(query.exclude("where", "order_by"), Query[Book, Book, Book])
    assert_type(query.select(Book.title).exclude("limit"), Query[Book, Book, str])
    assert_type(query.join(Book.shelf).exclude("inner_join", "left_join"), Query[Book | Shelf, Book | Shelf, Book])
    assert_type(query.select(Book.title).exclude("select"), Query[Book, Book, Book])
    assert_type(query.select(Book.title).exclude("select", "where"), Query[Book, Book, Book])
    outer_join = query.left_join(Book.loans).select(Book.id, maybe(Loan.reader))
    rows: Query[Book, Book, Any] = outer_join.exclude("select")
    assert_type(rows.exclude("limit"), Query[Book, Book, Any])


def windows() -> None:
    ranked = window(partition_by=Book.shelf_id, order_by=Book.pages.desc(), frame=fn.rows(-1, 0, exclude="ties"))
    named = ranked.named("ranked")
    query = from_(Book).select(Book.id, fn.rank().over(named), fn.sum(Book.pages).over(named))
    assert_type(query, Query[Book, Book, tuple[int, int, int | None]])
    window(order_by=Book.pages, frame=fn.range_(-10, 0))
    window(order_by=Book.pages, frame=fn.groups(None, 0, exclude="current row"))


async def writes(repo: Repo) -> None:
    query = from_(Book).join(Book.shelf).where(Shelf.room == "r")
    assert_type(await repo.update_all(query, Book.pages.inc(1), Book.title.set(Shelf.room)), int)
    assert_type(await repo.update_all(query, Book.pages.inc(1), returning=Shelf.room), list[str])
    assert_type(await repo.delete_all(query, returning=(Book.title, Book.id)), list[tuple[str, int]])
    assert_type(await repo.update_all(Book, Book.pages.inc(1), returning=(Book.id, Book.title)), list[tuple[int, str]])
    assert_type(await repo.update_all(Book, Book.pages.inc(1), returning=Book.isbn), list[str | None])
    assert_type(await repo.update_all(query.select(Book.id), Book.pages.inc(1)), list[int])
    assert_type(await repo.update_all(query.select(Book.id, Shelf.room), Book.pages.inc(1)), list[tuple[int, str]])
    assert_type(await repo.update_all(query.select_into(Dto, Book.title, Book.pages), Book.pages.inc(1)), list[Dto])
    assert_type(await repo.update_all(query, Book.pages.inc(1), returning=True), list[Book])
    assert_type(await repo.update_all(query.select(Book.id), Book.pages.inc(1), returning=True), list[int])
    projected = query.project(Tree(id=Book.id, depth=Book.pages))
    assert_type(await repo.update_all(projected, Book.pages.inc(1), returning=True), list[Tree])
    assert_type(await repo.delete_all(query), int)
    assert_type(await repo.delete_all(query, returning=Shelf.room), list[str])
    assert_type(await repo.delete_all(query.select(Book.id, Book.isbn)), list[tuple[int, str | None]])
    assert_type(await repo.delete_all(query, returning=True), list[Book])
    assert_type(await repo.delete_all(Book), int)
    assert_type(repo.to_sql(query, update=[Book.pages.inc(1)], pretty=True), tuple[str, tuple[object, ...]])
    assert_type(repo.to_sql(Book, delete=True), tuple[str, tuple[object, ...]])
    assert_type(repo.to_sql(Book), tuple[str, tuple[object, ...]])


async def queue(repo: Repo) -> None:
    keys = cte(Tree, "keys")
    free = from_(Book).where(Book.pages > 3).limit(10).for_update(skip_locked=True)
    query = from_(Book).with_cte(keys, free.project(Tree(id=Book.id, depth=Book.pages)))
    taken = query.join(keys, on=keys.id == Book.id).select(Book.id)
    assert_type(await repo.update_all(taken, Book.pages.set(0)), list[int])
    written = fragment("SELECT id, {} AS depth FROM books", 0)
    texts = from_(Book).with_cte(keys, written, recursive=True, materialized=True).join(keys, on=keys.id == Book.id)
    assert_type(await repo.all(texts.select(keys.depth)), list[int])
    gone = cte(Loan, "gone")
    deleted = from_(gone).with_cte(gone, from_(Loan), delete=True)
    assert_type(await repo.all(deleted), list[Loan])
    changed = from_(gone).with_cte(gone, from_(Loan).where(Loan.id == 1), update=[Loan.reader.set("x")])
    assert_type(await repo.all(changed.select(gone.reader)), list[str])


if __name__ == "__main__":
    clauses()
    locks()
    without()
    windows()

"""A Multi takes what the repo's calls take, and a typed name gives its result's type."""

from __future__ import annotations

from typing import Any, assert_type

from ectype import (
    Invalid,
    Multi,
    MultiError,
    Ok,
    Repo,
    Results,
    Step,
    change,
    from_,
    replace,
)
from ectype.repo.outcomes import Outcome
from tests.typing.accepted.library import Book, Shelf

shelf = Step[Shelf]("shelf")
book = Step[Book](("book", 1))
found = Step["Book | None"]("found")
books = Step[list[Book]]("books")
titles = Step[list[str]]("titles")
count = Step[int]("count")
there = Step[bool]("there")
outcome = Step[Outcome[Shelf]]("outcome")
tried = Step["Ok[Shelf] | Invalid[Shelf]"]("tried")


async def invite(repo: Repo, done: Results) -> Ok[Shelf] | Invalid[Shelf]:
    assert_type(done[shelf], Shelf)
    return await repo.try_insert(change(done[shelf]))


def built(given: Shelf) -> Multi:
    return (
        Multi()
        .insert(shelf, given)
        .insert("other", change(given))
        .insert(("post", 1), lambda done: change(done[shelf]))
        .update(shelf, lambda done: change(done[shelf]), force=True, allow_stale=True)
        .insert_or_update(shelf, change(given), timeout=3, prefix="stock")
        .delete(book, lambda done: done[book], allow_stale=True)
        .upsert(outcome, given, on_conflict=replace(Shelf.room), conflict_target=Shelf.id)
        .insert_all(count, Shelf, [{"room": "Ada"}])
        .insert_all(titles, Shelf, lambda done: [{"room": done[shelf].room}], returning=Shelf.room)
        .insert_all("pairs", Shelf, [given], returning=(Shelf.id, Shelf.room))
        .insert_all(Step[list[Shelf]]("all"), Shelf, [given], returning=Shelf)
        .update_all(count, from_(Book).where(Book.id == 1), Book.title.set("x"))
        .update_all(count, lambda done: from_(Book).where(Book.id == done[book].id), lambda done: Book.title.set("x"))
        .delete_all(count, Book)
        .delete_all(titles, lambda done: from_(Book).select(Book.title))
        .all(books, Book)
        .all(titles, lambda done: from_(Book).where(Book.id == done[book].id).select(Book.title))
        .one(found, from_(Book))
        .get(found, Book, lambda done: done[book].id)
        .exists(there, from_(Book))
        .put(count, 5)
        .put("text", lambda done: done["other"].name)
        .run(tried, invite)
        .run("named", lambda repo, done: repo.all(Book))
        .error("no", "why")
        .inspect(shelf, "other")
        .merge(lambda done: Multi().put("inner", done[count]))
        .append(Multi())
        .prepend(Multi())
    )


async def work(repo: Repo, given: Shelf) -> None:
    try:
        done = await repo.transact(built(given), retries=3, isolation="serializable", timeout=5, read_only=False)
    except MultiError as exc:
        assert_type(exc.so_far[shelf], Shelf)
        return
    assert_type(done, Results)
    assert_type(done[shelf], Shelf)
    assert_type(done[found], Book | None)
    assert_type(done[outcome], Outcome[Shelf])
    assert_type(done[titles], list[str])
    anything: Any = done["other"]
    assert anything is not None

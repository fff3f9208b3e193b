from __future__ import annotations

from typing import assert_never

from ectype import Inserted, Repo, Updated, replace
from tests.typing.accepted.library import Book


async def work(repo: Repo, book: Book) -> Book:
    outcome = await repo.upsert(book, on_conflict=replace(Book.title), conflict_target=Book.id)
    match outcome:
        case Inserted(struct) | Updated(struct):
            return struct
        case _:
            assert_never(outcome)  # refused

from __future__ import annotations

from ectype import Repo, do_update
from tests.typing.accepted.library import Book, Loan


async def work(repo: Repo, book: Book) -> None:
    await repo.upsert(book, on_conflict=do_update(Loan.reader.set("a")), conflict_target=Book.id)  # refused

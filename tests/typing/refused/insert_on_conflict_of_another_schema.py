from __future__ import annotations

from ectype import Repo, replace
from tests.typing.accepted.library import Book, Loan


async def work(repo: Repo, book: Book) -> None:
    await repo.insert(book, on_conflict=replace(Loan.reader), conflict_target=Book.id)  # refused

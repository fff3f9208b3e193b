from __future__ import annotations

from ectype import Repo, do_nothing
from tests.typing.accepted.library import Book, Loan


async def work(repo: Repo, book: Book) -> None:
    await repo.insert(book, on_conflict=do_nothing(), conflict_target=Loan.id)  # refused

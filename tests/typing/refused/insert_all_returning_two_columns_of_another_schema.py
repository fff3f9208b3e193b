from __future__ import annotations

from ectype import Repo
from tests.typing.accepted.library import Book, Loan


async def work(repo: Repo, rows: list[Book]) -> None:
    await repo.insert_all(Book, rows, returning=(Book.id, Loan.id))  # refused

from __future__ import annotations

from ectype import Repo
from tests.typing.accepted.library import Book, Loan


async def work(repo: Repo) -> None:
    await repo.delete_all(Book, returning=Loan.id)  # refused

from __future__ import annotations

from ectype import Repo, fn
from tests.typing.accepted.library import Book, Loan


async def work(repo: Repo) -> None:
    await repo.aggregate(Book, fn.max(Loan.days))  # refused

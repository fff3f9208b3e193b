from __future__ import annotations

from ectype import Repo, fn, from_
from tests.typing.accepted.library import Book, Loan


async def work(repo: Repo) -> None:
    await repo.aggregate(from_(Book), fn.max(Loan.days))  # refused

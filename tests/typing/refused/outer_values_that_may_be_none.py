from __future__ import annotations

from ectype import Repo, from_, maybe
from tests.typing.accepted.library import Book, Loan


async def work(repo: Repo) -> list[str]:
    return await repo.all(from_(Book).left_join(Book.loans).select(maybe(Loan.reader)))  # refused

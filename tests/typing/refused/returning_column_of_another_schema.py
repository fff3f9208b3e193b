from __future__ import annotations

from ectype import Repo
from tests.typing.accepted.library import Book, Loan


async def write(repo: Repo) -> None:
    await repo.insert_all(Book, [], returning=Loan.id)  # refused

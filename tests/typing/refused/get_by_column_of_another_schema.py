from __future__ import annotations

from ectype import Repo
from tests.typing.accepted.library import Book, Loan


async def read_book(repo: Repo) -> None:
    await repo.get_by(Book, Loan.reader == "x")  # refused

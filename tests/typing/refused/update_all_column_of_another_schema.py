from __future__ import annotations

from ectype import Repo, from_
from tests.typing.accepted.library import Book, Loan


async def write(repo: Repo) -> None:
    await repo.update_all(from_(Book), Loan.reader.set("x"))  # refused

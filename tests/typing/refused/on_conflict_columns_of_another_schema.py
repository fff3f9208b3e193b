from __future__ import annotations

from ectype import Repo, replace
from tests.typing.accepted.library import Book, Loan


async def write(repo: Repo) -> None:
    await repo.insert_all(Book, [], on_conflict=replace(Loan.reader), conflict_target=Book.id)  # refused

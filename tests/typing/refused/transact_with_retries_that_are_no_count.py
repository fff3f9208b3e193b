from __future__ import annotations

from ectype import Repo
from tests.typing.accepted.library import Book


async def work(repo: Repo) -> None:
    await repo.transact(lambda: repo.all(Book), retries="three")  # refused

from __future__ import annotations

from ectype import Repo, fn
from tests.typing.accepted.library import Book


async def work(repo: Repo) -> int:
    return await repo.aggregate(Book, fn.max(Book.pages))  # refused

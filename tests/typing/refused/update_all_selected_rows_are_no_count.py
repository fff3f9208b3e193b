from __future__ import annotations

from ectype import Repo, from_
from tests.typing.accepted.library import Book


async def work(repo: Repo) -> None:
    count: int = await repo.update_all(from_(Book).select(Book.title), Book.pages.inc(1))  # refused
    print(count)

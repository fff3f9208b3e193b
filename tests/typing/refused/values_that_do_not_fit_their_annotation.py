from __future__ import annotations

from ectype import Repo, from_
from tests.typing.accepted.library import Book


async def work(repo: Repo) -> list[tuple[str, int]]:
    return await repo.all(from_(Book).select(Book.id, Book.title))  # refused

from __future__ import annotations

from ectype import Repo
from tests.typing.accepted.library import Book


async def work(repo: Repo) -> list[int]:
    return await repo.update_all(Book, Book.pages.inc(1), returning=Book.title)  # refused

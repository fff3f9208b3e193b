from __future__ import annotations

from ectype import Repo
from tests.typing.accepted.library import Book


async def work(repo: Repo, book: Book) -> None:
    await repo.insert(book, conflict_target=Book.id)  # refused

from __future__ import annotations

from ectype import Repo, from_
from tests.typing.accepted.library import Book, Shelf


async def work(repo: Repo) -> None:
    await repo.update_all(from_(Book), Book.title.set(Shelf.room))  # refused

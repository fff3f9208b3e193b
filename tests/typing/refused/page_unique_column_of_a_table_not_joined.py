from __future__ import annotations

from ectype import Repo, from_
from tests.typing.accepted.library import Book, Shelf


async def work(repo: Repo) -> None:
    await repo.page(from_(Book), secret="x" * 16, unique=[Shelf.id])  # refused

from __future__ import annotations

from ectype import from_
from tests.typing.accepted.library import Book, Shelf

from ectype import Repo


async def titles(repo: Repo) -> list[Book]:
    return await repo.all(from_(Book).right_join(Shelf, on=Book.shelf_id == Shelf.id))  # refused

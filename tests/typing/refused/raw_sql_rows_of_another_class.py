from __future__ import annotations

from ectype import Repo
from tests.typing.accepted.library import Book, Shelf


async def work(repo: Repo) -> list[Shelf]:
    return await repo.query("select * from books", into=Book)  # refused

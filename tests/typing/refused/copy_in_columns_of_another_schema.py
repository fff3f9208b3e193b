from __future__ import annotations

from ectype import Repo
from tests.typing.accepted.library import Book
from tests.typing.accepted.schemas import Artist


async def work(repo: Repo) -> None:
    await repo.copy_in(Book, b"Ada", format="csv", columns=[Artist.name])  # refused

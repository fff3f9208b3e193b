from __future__ import annotations

from ectype import Repo
from tests.typing.accepted.library import Book
from tests.typing.accepted.schemas import Artist


async def work(repo: Repo, artists: list[Artist]) -> None:
    await repo.copy_in(Book, artists)  # refused

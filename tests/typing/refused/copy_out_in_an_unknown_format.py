from __future__ import annotations

from ectype import Repo
from tests.typing.accepted.library import Book


async def work(repo: Repo) -> None:
    async with repo.copy_out(Book, format="xml") as pieces:  # refused
        print(pieces)

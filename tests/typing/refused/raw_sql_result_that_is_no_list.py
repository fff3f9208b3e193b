from __future__ import annotations

from ectype import Repo
from tests.typing.accepted.library import Book


async def work(repo: Repo) -> list[Book]:
    return await repo.query("select * from books")  # refused

from __future__ import annotations

from ectype import Repo, from_
from tests.typing.accepted.library import Book


async def work(repo: Repo) -> None:
    rows: list[Book] = await repo.delete_all(from_(Book))  # refused
    print(rows)

from __future__ import annotations

from ectype import Repo, from_
from tests.typing.accepted.library import Book


async def work(repo: Repo) -> None:
    await repo.table_exists(from_(Book))  # refused

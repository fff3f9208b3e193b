from __future__ import annotations

from ectype import Repo, from_
from tests.typing.accepted.library import Book


async def read_titles(repo: Repo) -> list[str]:
    return await repo.all(from_(Book))  # refused

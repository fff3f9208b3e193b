from __future__ import annotations

from ectype import Repo, from_
from tests.typing.accepted.library import Book


async def work(repo: Repo) -> Book:
    return await repo.one(from_(Book))  # refused

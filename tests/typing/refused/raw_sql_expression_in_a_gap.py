from __future__ import annotations

from ectype import Repo
from tests.typing.accepted.library import Book


async def work(repo: Repo) -> None:
    await repo.query("select 1 from books where {}", Book.title == "x")  # refused

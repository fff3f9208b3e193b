from __future__ import annotations

from ectype import Page, Repo
from tests.typing.accepted.library import Book, Shelf


async def work(repo: Repo) -> Page[Shelf]:
    return await repo.page(Book, secret="x" * 16)  # refused

from __future__ import annotations

from ectype import Repo
from tests.typing.accepted.library import Book, Shelf


async def work(repo: Repo, books: list[Book]) -> None:
    await repo.preload(books, Book.shelf, Shelf.books)  # refused

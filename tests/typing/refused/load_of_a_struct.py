from __future__ import annotations

from ectype import Repo
from tests.typing.accepted.library import Book


def work(repo: Repo, book: Book) -> None:
    repo.load(book, {})  # refused

from __future__ import annotations

from ectype import Repo
from tests.typing.accepted.library import Book


def work(repo: Repo) -> None:
    repo.load(Book, [1, 2])  # refused

from __future__ import annotations

from ectype import Repo
from tests.typing.accepted.library import Book


def work(repo: Repo) -> None:
    repo.to_sql(Book, update=[Book.pages.inc(1)], delete=True)  # refused

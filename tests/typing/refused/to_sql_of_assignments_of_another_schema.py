from __future__ import annotations

from ectype import Repo
from tests.typing.accepted.library import Book, Shelf


def work(repo: Repo) -> None:
    repo.to_sql(Book, update=[Shelf.room.set("x")])  # refused

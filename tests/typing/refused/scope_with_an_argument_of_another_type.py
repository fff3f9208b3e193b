from __future__ import annotations

from ectype import Over, from_
from tests.typing.accepted.library import Book


def long(query: Over[Book], least: int) -> Over[Book]:
    return query.where(Book.pages > least)


from_(Book).scope(long, "3")  # refused

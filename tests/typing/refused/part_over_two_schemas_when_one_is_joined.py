from __future__ import annotations

from ectype import Over, from_
from tests.typing.accepted.library import Book, Shelf


def sorted_(query: Over[Book | Shelf]) -> Over[Book | Shelf]:
    return query.order_by(Shelf.room)


from_(Book).scope(sorted_)  # refused

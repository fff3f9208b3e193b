from __future__ import annotations

from ectype import fn, from_
from tests.typing.accepted.library import Book, Shelf

from_(Book).select(fn.array_agg(Book.pages, order_by=Shelf.room))  # refused

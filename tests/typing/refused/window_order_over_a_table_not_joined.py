from __future__ import annotations

from ectype import fn, from_, window
from tests.typing.accepted.library import Book, Shelf

from_(Book).select(fn.rank().over(window(partition_by=Book.isbn, order_by=Shelf.room)))  # refused

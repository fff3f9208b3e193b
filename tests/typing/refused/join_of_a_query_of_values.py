from __future__ import annotations

from ectype import from_
from tests.typing.accepted.library import Book, Shelf

from_(Shelf).join(from_(Book).select(Book.id), on=Book.shelf_id == Shelf.id)  # refused

from __future__ import annotations

from ectype import from_
from tests.typing.accepted.library import Book, Shelf

from_(Book).right_join(Shelf, on=Book.shelf_id == Shelf.id, lateral=True)  # refused

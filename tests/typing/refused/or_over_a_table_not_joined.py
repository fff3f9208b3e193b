from __future__ import annotations

from ectype import from_, or_
from tests.typing.accepted.library import Book, Shelf

from_(Book).where(or_(Book.pages > 3, Shelf.room == "a"))  # refused

from __future__ import annotations

from ectype import from_
from tests.typing.accepted.library import Book, Shelf

from_(Book).join(Book.shelf).where(Book.title == Shelf.id)  # refused

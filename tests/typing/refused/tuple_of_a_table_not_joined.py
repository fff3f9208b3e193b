from __future__ import annotations

from ectype import from_, tuple_
from tests.typing.accepted.library import Book, Shelf

from_(Book).where(tuple_(Book.title, Shelf.room) == ("x", "y"))  # refused

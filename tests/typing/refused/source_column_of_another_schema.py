from __future__ import annotations

from ectype import from_, source
from tests.typing.accepted.library import Book, Shelf

from_(source(Book, "archive")).where(Shelf.room == "x")  # refused

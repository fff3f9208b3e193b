from __future__ import annotations

from ectype import from_
from tests.typing.accepted.library import Book, Shelf

from_(Book).or_where(Shelf.room == "r")  # refused

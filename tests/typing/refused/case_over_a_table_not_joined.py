from __future__ import annotations

from ectype import case, from_
from tests.typing.accepted.library import Book, Shelf

from_(Book).select(case((Shelf.room == "a", 1), else_=0))  # refused

from __future__ import annotations

from ectype import values
from tests.typing.accepted.library import Book, Shelf

values(Book, [Shelf(room="x")])  # refused

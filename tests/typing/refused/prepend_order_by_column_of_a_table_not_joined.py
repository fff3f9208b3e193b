from __future__ import annotations

from ectype import from_
from tests.typing.accepted.library import Book, Shelf

from_(Book).prepend_order_by(Shelf.room)  # refused

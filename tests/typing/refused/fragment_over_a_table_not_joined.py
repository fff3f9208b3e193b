from __future__ import annotations

from ectype import fragment, from_
from tests.typing.accepted.library import Book, Shelf

from_(Book).where(fragment("lower({})", Shelf.room) == "a")  # refused

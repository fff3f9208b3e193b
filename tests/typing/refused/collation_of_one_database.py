from __future__ import annotations

from ectype import fn, from_
from tests.typing.accepted.library import Book

from_(Book).order_by(fn.collate(Book.title, "de_DE"))  # refused

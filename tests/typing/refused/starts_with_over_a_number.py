from __future__ import annotations

from ectype import fn, from_
from tests.typing.accepted.library import Book

from_(Book).where(fn.starts_with(Book.pages, "1"))  # refused

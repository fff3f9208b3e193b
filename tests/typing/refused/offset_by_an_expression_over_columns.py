from __future__ import annotations

from ectype import fn, from_
from tests.typing.accepted.library import Book

from_(Book).offset(fn.coalesce(Book.pages, 3) + 1)  # refused

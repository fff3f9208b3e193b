from __future__ import annotations

from ectype import fn, from_
from tests.typing.accepted.library import Book

from_(Book).select(fn.string_agg(Book.pages, ","))  # refused

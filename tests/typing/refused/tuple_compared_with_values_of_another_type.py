from __future__ import annotations

from ectype import from_, tuple_
from tests.typing.accepted.library import Book

from_(Book).where(tuple_(Book.pages, Book.title) > ("x", 1))  # refused

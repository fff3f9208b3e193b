from __future__ import annotations

from tests.typing.accepted.library import Book

Book.title.set(Book.isbn)  # refused

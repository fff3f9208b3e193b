from __future__ import annotations

from tests.typing.accepted.library import Book

Book.shelf.limit(3)  # refused

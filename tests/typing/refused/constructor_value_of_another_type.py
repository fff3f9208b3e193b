from __future__ import annotations

from tests.typing.accepted.library import Book

Book(title=3, shelf_id=1)  # refused

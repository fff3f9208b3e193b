from __future__ import annotations

from tests.typing.accepted.library import Book

Book(title="x", shelf_id=1).title = "y"  # refused

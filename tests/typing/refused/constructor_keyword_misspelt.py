from __future__ import annotations

from tests.typing.accepted.library import Book

Book(titel="x", title="x", shelf_id=1)  # refused

from __future__ import annotations

from ectype import cte, from_
from tests.typing.accepted.library import Book

gone = cte(Book, "gone")
from_(gone).with_cte(gone, from_(Book).select(Book.id), delete=True)  # refused

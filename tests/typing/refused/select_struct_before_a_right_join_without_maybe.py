from __future__ import annotations

from ectype import from_
from tests.typing.accepted.library import Book

from_(Book).right_join(Book.shelf).select(Book)  # refused

from __future__ import annotations

from ectype import all_, from_
from tests.typing.accepted.library import Book

from_(Book).where(Book.pages > all_(from_(Book).select(Book.title)))  # refused

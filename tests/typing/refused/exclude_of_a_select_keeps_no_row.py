from __future__ import annotations

from ectype import Query, from_
from tests.typing.accepted.library import Book

titles: Query[Book, Book, str] = from_(Book).select(Book.title).exclude("select")  # refused

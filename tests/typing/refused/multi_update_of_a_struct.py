from __future__ import annotations

from ectype import Multi
from tests.typing.accepted.library import Book


def built(book: Book) -> Multi:
    return Multi().update("book", book)  # refused

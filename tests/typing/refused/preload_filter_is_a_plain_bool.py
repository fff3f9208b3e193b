from __future__ import annotations

from tests.typing.accepted.library import Book, Shelf

Shelf.books.where(Book.pages == None)  # refused

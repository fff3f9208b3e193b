from __future__ import annotations

from ectype import from_, literal
from tests.typing.accepted.library import Book

from_(Book).where(Book.pages == literal("x", Book.title))  # refused

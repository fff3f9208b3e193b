from __future__ import annotations

from tests.typing.accepted.library import Book

Book.title.inc(1)  # refused

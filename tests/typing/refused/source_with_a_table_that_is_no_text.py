from __future__ import annotations

from ectype import source
from tests.typing.accepted.library import Book

source(Book, 3)  # refused

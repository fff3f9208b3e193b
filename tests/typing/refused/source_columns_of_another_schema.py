from __future__ import annotations

from ectype import fragment, source
from tests.typing.accepted.library import Book, Shelf

source(Book, fragment("f()"), columns=[Shelf.room])  # refused

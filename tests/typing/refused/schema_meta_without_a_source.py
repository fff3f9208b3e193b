from __future__ import annotations

from ectype import with_meta
from tests.typing.accepted.library import Book

with_meta(Book(title="x", shelf_id=1), source=None)  # refused

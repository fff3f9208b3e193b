from __future__ import annotations

from ectype import fn, from_, window
from tests.typing.accepted.library import Book, Shelf

from_(Book).select(fn.row_number().over(window(partition_by=Shelf.room)))  # refused

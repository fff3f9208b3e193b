from __future__ import annotations

from ectype import Multi, Step, change
from tests.typing.accepted.library import Shelf, Book


def built(shelf: Shelf) -> Multi:
    return Multi().insert(Step[Book]("book"), change(shelf))  # refused

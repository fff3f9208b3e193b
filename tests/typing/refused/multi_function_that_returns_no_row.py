from __future__ import annotations

from ectype import Multi, Step
from tests.typing.accepted.library import Book

multi = Multi().insert(Step[Book]("book"), lambda done: 5)  # refused

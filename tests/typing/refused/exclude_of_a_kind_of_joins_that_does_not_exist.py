from __future__ import annotations

from ectype import from_
from tests.typing.accepted.library import Book

from_(Book).exclude("outer_join")  # refused

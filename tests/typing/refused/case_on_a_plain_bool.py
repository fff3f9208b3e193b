from __future__ import annotations

from ectype import case, from_
from tests.typing.accepted.library import Book

from_(Book).select(case((True, 1), else_=0))  # refused

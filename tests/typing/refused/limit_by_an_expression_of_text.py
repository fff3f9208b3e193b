from __future__ import annotations

from ectype import from_, scalar
from tests.typing.accepted.library import Book

from_(Book).limit(scalar(from_(Book).select(Book.title)))  # refused

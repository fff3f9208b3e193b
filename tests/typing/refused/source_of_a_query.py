from __future__ import annotations

from ectype import from_, source
from tests.typing.accepted.library import Book

source(Book, from_(Book))  # refused

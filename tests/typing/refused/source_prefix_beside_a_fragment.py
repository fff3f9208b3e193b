from __future__ import annotations

from ectype import fragment, source
from tests.typing.accepted.library import Book

source(Book, fragment("(SELECT 1)"), prefix="old")  # refused

from __future__ import annotations

from ectype import from_
from tests.typing.accepted.library import Book, Loan

from_(Loan).ensure_join(Book.shelf)  # refused

from __future__ import annotations

from ectype import from_
from tests.typing.accepted.library import Book, Loan

from_(Book).left_join(Book.loans).select(Book.title, Loan.reader)  # refused

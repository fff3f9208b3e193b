from __future__ import annotations

from ectype import from_
from tests.typing.accepted.library import Book, Loan

from_(Book).left_join(Loan, on=Loan.book_id == Book.id).select(Loan.reader)  # refused

from __future__ import annotations

from ectype import from_
from tests.typing.accepted.library import Book, Loan

from_(Book).where(Book.id.in_(from_(Loan).select(Loan.reader)))  # refused

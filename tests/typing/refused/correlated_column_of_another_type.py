from __future__ import annotations

from ectype import exists, from_, outer
from tests.typing.accepted.library import Book, Loan

exists(from_(Loan).where(Loan.reader == outer(Book.id)))  # refused

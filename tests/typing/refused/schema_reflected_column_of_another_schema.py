from __future__ import annotations

from ectype import reflect
from tests.typing.accepted.library import Book, Loan

reflect(Book).field(Loan.id)  # refused

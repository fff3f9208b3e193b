from __future__ import annotations

from ectype import from_
from tests.typing.accepted.library import Book, Loan, Shelf

from_(Book).join(Book.shelf, on=Loan.id > Shelf.id)  # refused

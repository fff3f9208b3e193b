from __future__ import annotations

from ectype import from_
from tests.typing.accepted.library import Book, Loan, Shelf

from_(Book).left_join(Book.loans).right_join(Shelf, on=Book.shelf_id == Shelf.id).select(Loan.id)  # refused

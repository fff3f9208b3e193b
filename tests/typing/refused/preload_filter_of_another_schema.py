from __future__ import annotations

from tests.typing.accepted.library import Loan, Shelf

Shelf.books.where(Loan.reader == "x")  # refused

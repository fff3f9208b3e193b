from __future__ import annotations

from tests.typing.accepted.library import Loan, Shelf

Shelf.books.order_by(Loan.id)  # refused

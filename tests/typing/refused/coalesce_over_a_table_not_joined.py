from __future__ import annotations

from ectype import fn, from_
from tests.typing.accepted.library import Book, Loan

from_(Book).where(fn.coalesce(Loan.days, Book.pages) > 3)  # refused

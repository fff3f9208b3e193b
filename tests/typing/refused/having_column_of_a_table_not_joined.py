from __future__ import annotations

from ectype import fn, from_
from tests.typing.accepted.library import Book, Loan

from_(Book).group_by(Book.id).having(fn.max(Loan.days) > 3)  # refused

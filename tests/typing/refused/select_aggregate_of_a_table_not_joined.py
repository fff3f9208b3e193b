from __future__ import annotations

from ectype import fn, from_
from tests.typing.accepted.library import Book, Loan

from_(Book).select(fn.count(Loan.id))  # refused

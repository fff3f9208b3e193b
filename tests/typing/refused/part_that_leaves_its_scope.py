from __future__ import annotations

from ectype import Over
from tests.typing.accepted.library import Book, Loan


def lent(query: Over[Book]) -> Over[Book]:
    return query.where(Loan.days > 3)  # refused

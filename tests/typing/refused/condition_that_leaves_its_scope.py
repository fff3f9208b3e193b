from __future__ import annotations

from ectype import Expr
from tests.typing.accepted.library import Book, Loan


def lent() -> Expr[Book, bool]:
    return Loan.days > 3  # refused

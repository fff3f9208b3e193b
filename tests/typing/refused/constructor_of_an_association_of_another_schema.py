from __future__ import annotations

from tests.typing.accepted.library import Loan, Shelf

Shelf(room="a", books=[Loan(reader="a")])  # refused

from __future__ import annotations

from ectype import cte, from_
from tests.typing.accepted.library import Book

best = cte(Book, "best")
from_(best).with_cte(best, from_(Book), materialized="yes")  # refused

from __future__ import annotations

from ectype import from_
from tests.typing.accepted.library import Book

from_(Book).order_by_params("x", sortable={"x": "title"})  # refused

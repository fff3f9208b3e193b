from __future__ import annotations

from ectype import window
from tests.typing.accepted.library import Book

window(order_by=Book.id).named(3)  # refused

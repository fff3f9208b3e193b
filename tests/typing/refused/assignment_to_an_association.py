from __future__ import annotations

from tests.typing.accepted.library import Shelf

Shelf(room="a").books = []  # refused

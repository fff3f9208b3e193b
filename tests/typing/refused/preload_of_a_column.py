from __future__ import annotations

from ectype import from_
from tests.typing.accepted.library import Shelf

from_(Shelf).preload(Shelf.room)  # refused

from __future__ import annotations

from ectype import references, structure
from tests.typing.accepted.structures import Floor, Room

structure(Floor, foreign_keys=[references(Room.floor)])  # refused

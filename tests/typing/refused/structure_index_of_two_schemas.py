from __future__ import annotations

from ectype import structure, unique
from tests.typing.accepted.structures import Floor, Room

structure(Floor, indexes=[unique(Floor.number, Room.name)])  # refused

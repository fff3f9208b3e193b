from __future__ import annotations

from ectype import references
from tests.typing.accepted.structures import Room

references(Room.floor, on_delete="forget")  # refused

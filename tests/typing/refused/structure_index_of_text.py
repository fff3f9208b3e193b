from __future__ import annotations

from ectype import index
from tests.typing.accepted.structures import Room

index("name")  # refused
index(Room.name)

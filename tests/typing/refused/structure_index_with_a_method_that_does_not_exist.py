from __future__ import annotations

from ectype import index
from tests.typing.accepted.structures import Room

index(Room.name, using="tree")  # refused

from __future__ import annotations

from ectype import structure
from tests.typing.accepted.structures import Room

structure(Room, renamed_from=Room)  # refused

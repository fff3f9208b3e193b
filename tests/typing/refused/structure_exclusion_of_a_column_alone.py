from __future__ import annotations

from ectype import exclusion
from tests.typing.accepted.structures import Room

exclusion(Room.beds)  # refused

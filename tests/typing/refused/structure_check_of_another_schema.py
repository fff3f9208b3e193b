from __future__ import annotations

from ectype import check, structure
from tests.typing.accepted.structures import Floor, Room

structure(Floor, checks=[check("x", Room.beds > 1)])  # refused

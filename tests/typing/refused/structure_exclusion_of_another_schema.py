from __future__ import annotations

from ectype import exclusion, structure
from tests.typing.accepted.structures import Floor, Room

structure(Floor, exclusions=[exclusion((Room.beds, "="))])  # refused

from __future__ import annotations

from ectype import index, structure
from tests.typing.accepted.structures import Floor, Room

structure(Floor, indexes=[index(Floor.number, include=[Room.beds])])  # refused

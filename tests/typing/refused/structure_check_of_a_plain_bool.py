from __future__ import annotations

from ectype import check
from tests.typing.accepted.structures import Room

check("x", Room.name == 3)  # refused

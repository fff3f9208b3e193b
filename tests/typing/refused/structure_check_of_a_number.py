from __future__ import annotations

from ectype import check
from tests.typing.accepted.structures import Room

check("x", Room.beds + 1)  # refused

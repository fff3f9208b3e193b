from __future__ import annotations

from ectype import check, structure
from tests.typing.accepted.structures import Floor

structure(Floor, indexes=[check("x", Floor.number > 1)])  # refused

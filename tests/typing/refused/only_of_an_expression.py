from __future__ import annotations

from ectype import only
from tests.typing.accepted.selects import Ship

only(Ship.id + 1)  # refused

from __future__ import annotations

from ectype import from_, only
from tests.typing.accepted.selects import Ship

from_(Ship).where(only(Ship.id))  # refused

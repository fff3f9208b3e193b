from __future__ import annotations

from ectype import from_
from tests.typing.accepted.selects import Ship

from_(Ship).select_merge(Ship.visist.set(1))  # refused

from __future__ import annotations

from ectype import from_
from tests.typing.accepted.selects import Pilot, Ship

from_(Ship).select({"name": Pilot.name})  # refused

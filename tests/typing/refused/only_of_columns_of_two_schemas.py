from __future__ import annotations

from ectype import from_, only
from tests.typing.accepted.selects import Pilot, Ship

from_(Ship).join(Ship.pilot).select(only(Ship.id, Pilot.name))  # refused

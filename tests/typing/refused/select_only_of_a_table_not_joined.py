from __future__ import annotations

from ectype import from_, only
from tests.typing.accepted.selects import Pilot, Ship

from_(Ship).select(only(Pilot.name))  # refused

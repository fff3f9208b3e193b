from __future__ import annotations

from ectype import from_
from tests.typing.accepted.selects import Card, Pilot, Ship

from_(Ship).select_into(Card, Pilot.name)  # refused

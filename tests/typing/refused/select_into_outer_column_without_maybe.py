from __future__ import annotations

from ectype import from_
from tests.typing.accepted.selects import Call, Card, Ship

from_(Ship).left_join(Ship.calls).select_into(Card, name=Call.cargo)  # refused

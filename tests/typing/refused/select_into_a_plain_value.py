from __future__ import annotations

from ectype import from_
from tests.typing.accepted.selects import Card, Ship

from_(Ship).select_into(Card, name="x")  # refused

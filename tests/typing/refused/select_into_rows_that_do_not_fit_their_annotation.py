from __future__ import annotations

from ectype import Query, from_
from tests.typing.accepted.selects import Card, Pair, Ship

query: Query[Ship, Ship, Pair] = from_(Ship).select_into(Card, name=Ship.name)  # refused

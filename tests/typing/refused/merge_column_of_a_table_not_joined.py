from __future__ import annotations

from ectype import from_
from tests.typing.accepted.selects import Call, Ship

from_(Ship).select_merge(Ship.last_cargo.set(Call.cargo))  # refused

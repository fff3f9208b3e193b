from __future__ import annotations

from ectype import from_, only
from tests.typing.accepted.selects import Call, Ship

from_(Ship).left_join(Ship.calls).select(only(Call.cargo))  # refused

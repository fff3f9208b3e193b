from __future__ import annotations

from ectype import from_
from tests.typing.accepted.selects import Call, Ship

from_(Ship).left_join(Ship.calls).select(Call.cargo.as_("cargo"))  # refused

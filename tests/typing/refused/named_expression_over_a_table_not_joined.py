from __future__ import annotations

from ectype import fn, from_
from tests.typing.accepted.selects import Call, Ship

from_(Ship).order_by(fn.count(Call.id).as_("n"))  # refused

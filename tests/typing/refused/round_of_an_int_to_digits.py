from __future__ import annotations

from ectype import fn
from tests.typing.accepted.schemas import Visit

fn.round(Visit.id, 2)  # refused

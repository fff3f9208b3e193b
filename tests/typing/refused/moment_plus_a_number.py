from __future__ import annotations

from ectype import from_
from tests.typing.accepted.schemas import Visit

from_(Visit).select(Visit.began_at + 1)  # refused

from __future__ import annotations

from ectype import fn, from_
from tests.typing.accepted.schemas import Visit

from_(Visit).select(fn.datetime_add(Visit.began_at, 1, "fortnight"))  # refused

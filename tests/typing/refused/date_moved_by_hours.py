from __future__ import annotations

from ectype import fn, from_
from tests.typing.accepted.schemas import Artist

from_(Artist).select(fn.date_add(Artist.born, 1, "hour"))  # refused

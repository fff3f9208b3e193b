from __future__ import annotations

from ectype import Operand, fn
from tests.typing.accepted.schemas import Artist

year: Operand[Artist, int] = fn.year(Artist.born)  # refused

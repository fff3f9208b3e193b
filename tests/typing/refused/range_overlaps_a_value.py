from __future__ import annotations

from ectype import literal
from ectype import Range

literal(Range(1, 5)).overlaps(3)  # refused

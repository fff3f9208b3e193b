from __future__ import annotations

from ectype import Range

Range(1, 2).lower = 3  # refused

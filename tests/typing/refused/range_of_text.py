from __future__ import annotations

from ectype import Range

Range("a", "b")  # refused

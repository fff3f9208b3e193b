from __future__ import annotations

from ectype import Multi

multi = Multi().put([], 1)  # refused

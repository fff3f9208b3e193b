from __future__ import annotations

from ectype import only

only("id")  # refused

from __future__ import annotations

from ectype import field

field(default=1, writable="sometimes")  # refused

from __future__ import annotations

from ectype import constant

constant(1.5)  # refused

from __future__ import annotations

from ectype import fn

fn.rows(-3, 0, exclude="rows")  # refused

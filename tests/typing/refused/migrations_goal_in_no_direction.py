from __future__ import annotations

from ectype.migrations import Goal

Goal("sideways", step=1)  # refused

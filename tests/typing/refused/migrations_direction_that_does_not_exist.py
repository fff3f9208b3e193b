from __future__ import annotations

from ectype.migrations import Goal

goal = Goal("sideways")  # refused

from __future__ import annotations

from ectype.migrations import Migration


def change(m: Migration) -> None:
    m.create_constraint("users", "adult", condition="age > 17")  # refused

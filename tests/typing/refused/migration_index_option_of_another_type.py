from __future__ import annotations

from ectype.migrations import Migration


def change(m: Migration) -> None:
    m.create_index("users", "email", unique="yes")  # refused

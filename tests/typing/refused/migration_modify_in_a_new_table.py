from __future__ import annotations

from ectype.migrations import Migration


def change(m: Migration) -> None:
    with m.create_table("users") as t:
        t.modify("email", str)  # refused

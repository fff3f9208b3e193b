from __future__ import annotations

from ectype.migrations import Migration


def change(m: Migration) -> None:
    with m.alter_table("posts") as t:
        t.column("twice", int, generated="price * 2")  # refused

from __future__ import annotations

from ectype.migrations import Migration


def change(m: Migration) -> None:
    with m.create_table("users") as t:
        t.column("email", str, defualt="")  # refused

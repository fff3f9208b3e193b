from __future__ import annotations

from ectype.migrations import Migration


def change(m: Migration) -> None:
    with m.create_table("posts") as t:
        t.references("author_id", "users", on_delete="nilify")  # refused

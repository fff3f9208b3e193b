"""remember the scans and what changed between them"""

from datetime import datetime

from ectype.migrations import Migration


def change(m: Migration) -> None:
    with m.create_table("scans") as t:
        t.column("started_at", datetime, null=False)
        t.column("distributions", int, null=False)
        t.column("files", int, null=False)
        t.column("size", int, null=False)

    with m.create_table("changes") as t:
        t.column("kind", str, null=False)
        t.column("name", str, null=False)
        t.column("before", str)
        t.column("after", str)
        t.references("scan_id", "scans", on_delete="cascade", null=False)
    m.create_index("changes", "scan_id")

"""create the inventory"""

from ectype.migrations import Migration


def change(m: Migration) -> None:
    with m.create_table("distributions") as t:
        t.column("name", str, null=False)
        t.column("version", str, null=False)
        t.column("summary", str)
        t.column("keywords", list[str], null=False)
        t.column("size", int, null=False)
        t.timestamps()
    m.create_index("distributions", "name", unique=True)

    with m.create_table("files") as t:
        t.column("path", str, null=False)
        t.column("suffix", str, null=False)
        t.column("size", int, null=False)
        t.references("distribution_id", "distributions", on_delete="cascade", null=False)
    m.create_index("files", "distribution_id")

    with m.create_table("requirements") as t:
        t.column("name", str, null=False)
        t.column("specifier", str, null=False)
        t.column("extra", bool, null=False)
        t.references("distribution_id", "distributions", on_delete="cascade", null=False)
    m.create_index("requirements", "distribution_id")
    m.create_index("requirements", "name")

    with m.create_table("entry_points") as t:
        t.column("entry_group", str, null=False)
        t.column("name", str, null=False)
        t.column("value", str, null=False)
        t.references("distribution_id", "distributions", on_delete="cascade", null=False)
    m.create_index("entry_points", "distribution_id")

"""create the chat"""

from ectype.migrations import Migration


def change(m: Migration) -> None:
    with m.create_table("users") as t:
        t.column("name", str, null=False)
        t.timestamps()
    m.create_index("users", "name", unique=True)

    with m.create_table("rooms") as t:
        t.column("name", str, null=False)
        t.column("topic", str, null=False)
        t.timestamps()
    m.create_index("rooms", "name", unique=True)

    with m.create_table("messages") as t:
        t.column("body", str, null=False)
        t.references("room_id", "rooms", on_delete="cascade", null=False)
        t.references("author_id", "users", on_delete="cascade", null=False)
        t.timestamps()
    m.create_index("messages", "room_id", "id")

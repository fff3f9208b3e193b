"""Channels over a real repo: what a changeset refuses is told to the client, and what rolls back is told to nobody."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ectype import Changeset, Field, Invalid, Repo, Schema, change, from_, migrations, primary_key
from ectype.web_integration import Channel, Join, Joined, Payload, PubSub, Reply, Socket, SocketHandler
from ectype.web_integration.channels.testing import connect


class Note(Schema, table="notes"):
    id: Field[int] = primary_key()
    body: Field[str]


def changeset(params: Any) -> Changeset[Note]:
    return change(Note).cast(params, Note.body).validate_required(Note.body).validate_length(Note.body, max=5)


CREATE_NOTES = """
def change(m):
    with m.create_table("notes") as t:
        t.column("body", str, null=False)
"""


@pytest.fixture(params=["sqlite", "postgres"])
async def repo(request: Any, tmp_path: Path) -> AsyncIterator[Repo]:
    url = f"sqlite:///{tmp_path}/notes.db"
    if request.param == "postgres":
        url = request.getfixturevalue("fresh_postgres_url")
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "20260101000000_create_notes.py").write_text(CREATE_NOTES)
    async with Repo(url) as repo:
        await migrations.migrate(repo, folder)
        yield repo


def notes(repo: Repo) -> type[SocketHandler]:
    class Notes(Channel):
        async def join(self, topic: str, payload: Payload, socket: Socket) -> Join:
            return Joined()

        async def handle_in_new(self, payload: Payload, socket: Socket) -> Reply:
            match await repo.try_insert(changeset(payload)):
                case Invalid(refused):
                    return Reply({"errors": refused.traverse_errors()}, status="error")
                case stored:
                    await self.broadcast("new", {"body": stored.value.body})
                    return Reply({"id": stored.value.id})

        async def handle_in_two(self, payload: Payload, socket: Socket) -> Reply:
            async with repo.transaction():
                await repo.insert(changeset({"body": payload["first"]}))
                await self.broadcast("two", {"body": payload["first"]})
                await repo.insert(changeset({"body": payload["second"]}))
            return Reply()

    return type("NotesSocket", (SocketHandler,), {"channels": {"notes": Notes}})


async def test_what_a_changeset_refuses_is_the_error_reply_of_the_push(repo: Repo) -> None:
    pubsub = PubSub(defer=repo.after_commit)
    async with connect(notes(repo), pubsub=pubsub) as client:
        room = await client.subscribe_and_join("notes")
        ref = await room.push("new", {"body": "much too long"})
        await room.assert_reply(ref, "error", {"errors": {"body": ["should be at most 5 character(s)"]}})
        await room.refute_broadcast("new")
        ref = await room.push("new", {"body": "short"})
        await room.assert_reply(ref, "ok")
        await room.assert_broadcast("new", {"body": "short"})


async def test_a_transaction_that_rolls_back_crashes_its_channel_and_is_told_to_nobody(repo: Repo) -> None:
    pubsub = PubSub(defer=repo.after_commit)
    async with connect(notes(repo), pubsub=pubsub) as client:
        room = await client.subscribe_and_join("notes")
        await room.push("two", {"first": "a", "second": "much too long"})
        await room.assert_crashed()
        await room.refute_broadcast("two")
        assert await repo.all(from_(Note)) == []
        room = await client.subscribe_and_join("notes")
        await room.assert_reply(await room.push("two", {"first": "a", "second": "b"}))
        await room.assert_broadcast("two", {"body": "a"})

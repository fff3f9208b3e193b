"""Channels inside the sandbox: each client works for the owner that its header names, and nobody's rows last."""

import asyncio
import json
from contextlib import AsyncExitStack
from typing import Any

import httpx
import websockets
from starlette.applications import Starlette
from starlette.routing import Mount

from ectype import InvalidChangesetError, Repo, change, from_, sandbox
from ectype.web_integration import (
    Channel,
    Handled,
    Join,
    Joined,
    LongPoll,
    Payload,
    PubSub,
    Reply,
    SandboxMiddleware,
    Socket,
    SocketHandler,
    socket_app,
)
from ectype.web_integration.channels.testing import connect
from tests.integration.sandbox.people import Person
from tests.integration.sandbox.test_requests import HEADER, names, serving

CLIENTS = 4


def handler(repo: Repo) -> type[SocketHandler]:
    class PeopleChannel(Channel):
        async def join(self, topic: str, payload: Payload, socket: Socket) -> Join:
            return Joined({"names": await names(repo)})

        async def handle_in_add(self, payload: Payload, socket: Socket) -> Handled:
            changeset = change(Person).cast(payload, Person.name).validate_required(Person.name)
            try:
                async with repo.transaction():
                    await repo.insert(changeset.unique_constraint(Person.name))
                    await self.broadcast("added", payload)
                    return Reply({"names": await names(repo)})
            except InvalidChangesetError as exc:
                return Reply({"errors": exc.changeset.traverse_errors()}, status="error")

    return type("PeopleSocket", (SocketHandler,), {"channels": {"people:*": PeopleChannel}})


def app(repo: Repo, pubsub: PubSub) -> Starlette:
    socket = socket_app(handler(repo), pubsub=pubsub, longpoll=LongPoll())
    app = Starlette(routes=[Mount("/socket", socket)])
    app.add_middleware(SandboxMiddleware, repo)
    return app


async def asked(client: Any, *frame: Any) -> Any:
    await client.send(json.dumps(frame))
    while True:
        answer = json.loads(await client.recv())
        if answer[1] == frame[1]:
            return answer[4]


async def test_sockets_of_many_owners_at_once_see_their_own_rows_only(repo: Repo):
    pubsub = PubSub(defer=repo.after_commit)
    async with asyncio.timeout(60), serving(app(repo, pubsub)) as address, AsyncExitStack() as stack:
        owners = [await stack.enter_async_context(sandbox(repo)) for _ in range(CLIENTS - 1)]

        async def talk(number: int, owner: Any) -> None:
            url = f"ws://{address}/socket/websocket?vsn=2.0.0"
            async with websockets.connect(url, additional_headers={HEADER: owner.header()}) as client:
                topic = f"people:{number}"
                assert await asked(client, "1", "1", topic, "phx_join", {}) == {
                    "status": "ok",
                    "response": {"names": []},
                }
                name = f"Ada {number}"
                told = await asked(client, "1", "2", topic, "add", {"name": name})
                assert told == {"status": "ok", "response": {"names": [name]}}
                told = await asked(client, "1", "3", topic, "add", {"name": name})
                assert told == {"status": "error", "response": {"errors": {"name": ["has already been taken"]}}}
                told = await asked(client, "1", "4", topic, "add", {"name": f"Bob {number}"})
                assert told["response"]["names"] == [name, f"Bob {number}"]

        await asyncio.gather(*(talk(number, owner) for number, owner in enumerate(owners)))
        for number, owner in enumerate(owners):
            with owner.active():
                assert await names(repo) == [f"Ada {number}", f"Bob {number}"]


async def test_a_session_of_a_client_that_polls_works_for_the_owner_that_opened_it(repo: Repo):
    pubsub = PubSub(defer=repo.after_commit)
    transport = httpx.ASGITransport(app=app(repo, pubsub))
    async with (
        asyncio.timeout(60),
        httpx.AsyncClient(transport=transport, base_url="http://app.test") as http,
        sandbox(repo) as owner,
        sandbox(repo) as other,
    ):
        url, header = "/socket/longpoll", {HEADER: owner.header()}
        token = (await http.get(url, params={"vsn": "2.0.0"}, headers=header)).json()["token"]
        frames = [["1", "1", "people:1", "phx_join", {}], ["1", "2", "people:1", "add", {"name": "Ada"}]]
        body = "\n".join(json.dumps(frame) for frame in frames)
        await http.post(url, params={"token": token}, content=body, headers={"content-type": "application/x-ndjson"})
        messages: list[Any] = []
        while len(messages) < 3:
            messages += (await http.get(url, params={"token": token})).json()["messages"]
        assert sorted(json.loads(message)[3] for message in messages) == ["added", "phx_reply", "phx_reply"]
        with owner.active():
            assert await names(repo) == ["Ada"]
        with other.active():
            assert await names(repo) == []


async def test_the_client_for_tests_works_for_the_owner_of_the_test(repo: Repo):
    pubsub = PubSub(defer=repo.after_commit)
    async with sandbox(repo):
        await repo.insert(Person(name="Ada"))
        async with connect(handler(repo), pubsub=pubsub) as client:
            room = await client.subscribe_and_join("people:1")
            assert room.response == {"names": ["Ada"]}
            await room.assert_reply(await room.push("add", {"name": "Bob"}), "ok", {"names": ["Ada", "Bob"]})
            await room.assert_broadcast("added", {"name": "Bob"})
            await room.assert_reply(await room.push("add", {"name": ""}), "error")
            await room.refute_broadcast("added")
        assert await repo.all(from_(Person).select(Person.name).order_by(Person.name)) == ["Ada", "Bob"]

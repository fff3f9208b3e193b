"""The channel API as an application writes it: accepted by pyright strict and mypy --strict."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any, assert_type

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Mount

from ectype.web_integration import (
    Broadcast,
    Channel,
    Connected,
    ConnectInfo,
    Drain,
    Handled,
    Join,
    Joined,
    JoinRefused,
    LongPoll,
    Outgoing,
    Params,
    Payload,
    PubSub,
    Ref,
    Refused,
    Reply,
    Socket,
    SocketApp,
    SocketHandler,
    Stop,
    Subscription,
    csrf_token,
    repo_errors,
    repo_lifespan,
    socket_app,
)
from ectype.web_integration.channels.testing import Client, JoinedChannel, connect


def store(params: Mapping[str, object], *, room: str) -> str:
    return f"{room}: {params['body']}"


class RoomChannel(Channel):
    intercept = ("typing",)

    async def join(self, topic: str, payload: Payload, socket: Socket) -> Join:
        if socket.assigns["user_id"] is None:
            return JoinRefused({"reason": "unauthorized"})
        self.subscribe("news")
        self.tell("joined")
        return Joined({}, room=topic)

    async def handle_in_new_msg(self, payload: Payload, socket: Socket) -> None:
        body = store(payload, room=socket.assigns["room"])
        await self.broadcast("new_msg", {"body": body})

    async def handle_in_rename(self, payload: Payload, socket: Socket) -> Reply:
        socket.assign(name=payload["name"])
        await self.broadcast_from("renamed", {"name": payload["name"]})
        return Reply({"name": payload["name"]})

    async def handle_in_quit(self, payload: Payload, socket: Socket) -> Stop | Reply:
        return Stop(reply=Reply({"bye": True})) if payload else Reply({"reason": "no"}, status="error")

    async def handle_in_slow(self, payload: Payload, socket: Socket) -> None:
        self.tell(socket.ref())

    async def handle_in(self, event: str, payload: Payload, socket: Socket) -> Handled:
        return Reply({"unknown": event}, status="error")

    async def handle_binary(self, event: str, data: bytes, socket: Socket) -> Handled:
        return Reply(data)

    async def handle_out(self, event: str, payload: Outgoing, socket: Socket) -> None:
        await self.push(event, payload)

    async def handle_info(self, message: object, socket: Socket) -> Stop | None:
        match message:
            case Ref():
                await self.reply(message, Reply({"late": True}))
            case Broadcast(event=event):
                assert_type(event, str)
                await self.push(event, message.payload)
            case _:
                await self.push("welcome", {"topic": socket.topic})
        return None

    async def terminate(self, reason: str, socket: Socket) -> None:
        await self.push("bye", {"reason": reason})


class UserSocket(SocketHandler):
    channels = {"room:*": RoomChannel, "room:lobby": RoomChannel}

    async def connect(self, params: Params, info: ConnectInfo) -> Connected | Refused:
        if info.auth_token is None:
            return Refused(401, reason="sign in first")
        return Connected(user_id=1, id="users:1")


def application(repo: AbstractAsyncContextManager[Any]) -> Starlette:
    pubsub = PubSub()
    subscription = pubsub.subscribe("posts", lambda message: assert_type(message, Broadcast))
    assert_type(subscription, Subscription)
    assert_type(pubsub.broadcast("posts", "created", {"id": 1}), None)
    pubsub.broadcast_from(subscription, "posts", "created", {"id": 1})
    pubsub.unsubscribe(subscription)
    return Starlette(
        routes=[Mount("/socket", socket_app(UserSocket, pubsub=pubsub, check_origin=["//*.example.org"]))],
        exception_handlers=repo_errors(),
        lifespan=repo_lifespan(repo),
    )


def everything(repo: AbstractAsyncContextManager[Any], pubsub: PubSub) -> Starlette:
    sockets = socket_app(
        UserSocket,
        pubsub=pubsub,
        longpoll=LongPoll(secret="s" * 32, window=timedelta(seconds=5)),
        subprotocols=["mqtt"],
        check_origin=lambda origin: origin.endswith(".example.org"),
        drain=Drain(batch_size=100),
    )
    assert_type(sockets, SocketApp)
    return Starlette(routes=[Mount("/socket", sockets)], lifespan=repo_lifespan(repo, sockets))


def page(request: Request, info: ConnectInfo) -> str:
    assert_type(info.session, Mapping[str, Any] | None)
    return csrf_token(request)


async def tested(pubsub: PubSub) -> None:
    async with connect(UserSocket, pubsub=pubsub, params={"user": "ada"}, auth_token="t") as client:
        assert_type(client, Client)
        room = await client.subscribe_and_join("room:1", {"page": 1})
        assert_type(room, JoinedChannel)
        ref = await room.push("new_msg", {"body": "hi"})
        assert_type(ref, str)
        await room.assert_reply(ref, "ok", {"id": 1})
        await room.assert_push("new_msg", b"bytes", within=0.5)
        await room.refute_broadcast("new_msg")
        assert_type(await client.assert_disconnected(), int)


class Database:
    """Stands where a repo stands, with its signature of `after_commit`."""

    def after_commit(self, callback: object) -> None: ...


assert_type(PubSub(defer=Database().after_commit), PubSub)

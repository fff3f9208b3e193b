"""The servers that the channels workload compares, each in a process of its own: `python -m … NAME DATABASE`.

All of them join a room, echo, and tell a room; all read one row of SQLite as JSON over HTTP. They run on uvicorn with
the same options. It prints its port, and serves until its standard input ends.
"""

import json
import logging
import sqlite3
import sys
import threading
from typing import Any

import uvicorn

ROWS = 1_000


def fill(file: str) -> None:
    """Make the table that the endpoints read."""
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS people (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL)"
    )
    connection.execute("DELETE FROM people")
    rows = [(number, f"Person {number}", f"{number}@example.org") for number in range(1, ROWS + 1)]
    connection.executemany("INSERT INTO people VALUES (?, ?, ?)", rows)
    connection.commit()
    connection.close()


def ectype(file: str) -> Any:
    """Return channels of ectype, and its repo."""
    from datetime import timedelta

    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Mount, Route

    from ectype import Field, Repo, Schema, primary_key
    from ectype.web_integration import (
        Channel,
        Join,
        Joined,
        Payload,
        PubSub,
        Reply,
        Socket,
        SocketHandler,
        repo_lifespan,
        socket_app,
    )

    class Person(Schema, table="people"):
        id: Field[int] = primary_key()
        name: Field[str]
        email: Field[str]

    repo = Repo(f"sqlite:///{file}")

    class Room(Channel):
        async def join(self, topic: str, payload: Payload, socket: Socket) -> Join:
            return Joined()

        async def handle_in_echo(self, payload: Payload, socket: Socket) -> Reply:
            return Reply(payload)

        async def handle_in_shout(self, payload: Payload, socket: Socket) -> None:
            await self.broadcast("shout", payload)

    class UserSocket(SocketHandler):
        channels = {"room:*": Room}  # noqa: RUF012

    async def row(request: Request) -> Response:
        person = await repo.get_or_raise(Person, request.path_params["id"])
        return JSONResponse({"id": person.id, "name": person.name, "email": person.email})

    pubsub = PubSub(defer=repo.after_commit)
    # The crowd says nothing of its own, and on a busy machine a round may take longer than a minute.
    sockets = socket_app(UserSocket, pubsub=pubsub, idle_timeout=timedelta(minutes=15))
    routes = [Route("/row/{id:int}", row), Mount("/socket", sockets)]
    return Starlette(routes=routes, lifespan=repo_lifespan(repo))


def starlette(file: str) -> Any:
    """Return the least that does the same work: a loop over Starlette's WebSocket, and aiosqlite."""
    from contextlib import asynccontextmanager

    import aiosqlite
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse
    from starlette.routing import Route, WebSocketRoute
    from starlette.websockets import WebSocketDisconnect

    rooms: dict[str, set[Any]] = {}
    held: list[Any] = []

    def text(*parts: Any) -> str:
        return json.dumps(parts, separators=(",", ":"))

    async def socket(websocket: Any) -> None:
        await websocket.accept()
        joined: set[str] = set()
        try:
            while True:
                join_ref, ref, topic, event, payload = json.loads(await websocket.receive_text())
                if event == "phx_join":
                    rooms.setdefault(topic, set()).add(websocket)
                    joined.add(topic)
                    await websocket.send_text(text(join_ref, ref, topic, "phx_reply", {"status": "ok", "response": {}}))
                elif event == "echo":
                    answer = {"status": "ok", "response": payload}
                    await websocket.send_text(text(join_ref, ref, topic, "phx_reply", answer))
                elif event == "shout":
                    told = text(None, None, topic, "shout", payload)
                    for one in tuple(rooms[topic]):
                        await one.send_text(told)
        except WebSocketDisconnect:
            pass
        finally:
            for topic in joined:
                rooms[topic].discard(websocket)

    async def row(request: Any) -> Any:
        found = await held[0].execute_fetchall(
            "SELECT id, name, email FROM people WHERE id = ?", (request.path_params["id"],)
        )
        number, name, email = next(iter(found))
        return JSONResponse({"id": number, "name": name, "email": email})

    @asynccontextmanager
    async def lifespan(_app: Any) -> Any:
        async with aiosqlite.connect(file) as connection:
            held.append(connection)
            yield

    routes = [Route("/row/{id:int}", row), WebSocketRoute("/socket/websocket", socket)]
    return Starlette(routes=routes, lifespan=lifespan)


def django(file: str) -> Any:
    """Return Django Channels with its layer in memory, and Django's ORM."""
    from django.conf import settings

    settings.configure(
        SECRET_KEY="bench",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": file, "CONN_MAX_AGE": None}},
        CHANNEL_LAYERS={"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}},
        MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    )
    import django as package

    package.setup()
    from channels.generic.websocket import AsyncJsonWebsocketConsumer
    from channels.routing import ProtocolTypeRouter, URLRouter
    from django.core.asgi import get_asgi_application
    from django.db import models
    from django.http import JsonResponse
    from django.urls import path

    class Person(models.Model):
        name = models.TextField()
        email = models.TextField()

        class Meta:
            app_label = "bench"
            db_table = "people"
            managed = False

    class Room(AsyncJsonWebsocketConsumer):
        groups: list[str] = []  # noqa: RUF012

        async def receive_json(self, content: Any, **_: Any) -> None:
            join_ref, ref, topic, event, payload = content
            group = topic.replace(":", "_")
            if event == "phx_join":
                await self.channel_layer.group_add(group, self.channel_name)
                await self.send_json([join_ref, ref, topic, "phx_reply", {"status": "ok", "response": {}}])
            elif event == "echo":
                await self.send_json([join_ref, ref, topic, "phx_reply", {"status": "ok", "response": payload}])
            elif event == "shout":
                await self.channel_layer.group_send(
                    group, {"type": "shout", "frame": [None, None, topic, "shout", payload]}
                )

        async def shout(self, event: Any) -> None:
            await self.send_json(event["frame"])

    async def row(_request: Any, id: int) -> Any:  # noqa: A002
        person = await Person.objects.aget(pk=id)
        return JsonResponse({"id": person.pk, "name": person.name, "email": person.email})

    globals()["urlpatterns"] = [path("row/<int:id>", row)]
    return ProtocolTypeRouter(
        {"http": get_asgi_application(), "websocket": URLRouter([path("socket/websocket", Room.as_asgi())])}
    )


def socketio(_file: str) -> Any:
    """Return python-socketio, which has no database and no pages of its own."""
    import socketio as package

    # The crowd answers no pings, and a round may take longer than their timeout.
    server = package.AsyncServer(
        async_mode="asgi", cors_allowed_origins="*", logger=False, engineio_logger=False, ping_interval=900
    )

    @server.event
    async def join(sid: str, _data: Any) -> Any:
        await server.enter_room(sid, "room:1")
        return {"status": "ok", "response": {}}

    @server.event
    async def echo(_sid: str, data: Any) -> Any:
        return {"status": "ok", "response": data}

    @server.event
    async def shout(_sid: str, data: Any) -> None:
        await server.emit("shout", data, room="room:1")

    return package.ASGIApp(server, socketio_path="socket.io")


SERVERS = {"bare Starlette": starlette, "ectype": ectype, "Django Channels": django, "python-socketio": socketio}


def main() -> None:
    """Serve one of them."""
    logging.disable(logging.CRITICAL)
    app = SERVERS[sys.argv[1]](sys.argv[2])
    lifespan = "on" if sys.argv[1] in ("ectype", "bare Starlette") else "off"
    config = uvicorn.Config(
        app, port=0, log_level="critical", access_log=False, lifespan=lifespan, ws="websockets-sansio",
        ws_per_message_deflate=False, ws_ping_interval=None, timeout_graceful_shutdown=1, backlog=4096,
    )  # fmt: skip
    server = uvicorn.Server(config)

    def watch() -> None:
        while not server.started:
            threading.Event().wait(0.01)
        print(server.servers[0].sockets[0].getsockname()[1], flush=True)
        sys.stdin.read()
        server.should_exit = True

    threading.Thread(target=watch, daemon=True).start()
    server.run()


if __name__ == "__main__":
    main()

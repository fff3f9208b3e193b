"""One process of the application whose presences the stock `phoenix` client follows in the tests, served by uvicorn.

    python presence_app.py local|<URL of a PostgreSQL or a Redis> <channel>

prints its address, and serves until its standard input ends, so that it never outlives the test that started it.
"""

import socket
import sys
import threading
from collections.abc import Mapping, Sequence
from datetime import timedelta

import uvicorn
from buses import made
from starlette.applications import Starlette
from starlette.routing import Mount

from ectype.web_integration import (
    Channel,
    Join,
    Joined,
    LongPoll,
    Payload,
    Periods,
    Presence,
    Reply,
    Socket,
    SocketHandler,
    repo_lifespan,
    socket_app,
)


class RoomPresence(Presence):
    async def fetch(self, topic: str, keys: Sequence[str]) -> Mapping[str, Payload]:
        return {key: {"user": {"name": key.title()}} for key in keys}


repos, pubsub = made(*sys.argv[1:3])
presence = RoomPresence(pubsub, periods=Periods(heartbeat=0.05, down=3))


class RoomChannel(Channel):
    async def join(self, topic: str, payload: Payload, socket: Socket) -> Join:
        self.tell("joined")
        return Joined(user=payload["user"])

    async def handle_info(self, message: object, socket: Socket) -> None:
        presence.track(self, socket.assigns["user"], {"online_at": 1})
        await self.push("presence_state", await presence.list(self.topic))

    async def handle_in_mood(self, payload: Payload, socket: Socket) -> Reply:
        ref = presence.update(self, socket.assigns["user"], lambda meta: {**meta, "mood": payload["mood"]})
        return Reply({"ref": ref})

    async def handle_in_say(self, payload: Payload, socket: Socket) -> None:
        await self.broadcast("said", payload)

    async def handle_in_others(self, payload: Payload, socket: Socket) -> None:
        await self.broadcast_from("said", payload)

    async def handle_in_crash(self, payload: Payload, socket: Socket) -> None:
        raise RuntimeError("told to crash")

    async def handle_binary(self, event: str, data: bytes, socket: Socket) -> None:
        await self.broadcast("bytes", data)


class UserSocket(SocketHandler):
    channels = {"room:*": RoomChannel}


app = Starlette(
    routes=[Mount("/socket", socket_app(UserSocket, pubsub=pubsub, longpoll=LongPoll(window=timedelta(seconds=1))))],
    lifespan=repo_lifespan(*repos, pubsub, presence),
)


def main() -> None:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=5))

    def stop_at_end_of_input() -> None:
        sys.stdin.read()
        server.should_exit = True

    threading.Thread(target=stop_at_end_of_input, daemon=True).start()
    print(f"127.0.0.1:{listener.getsockname()[1]}", flush=True)
    server.run(sockets=[listener])


if __name__ == "__main__":
    main()

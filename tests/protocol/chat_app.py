"""The application that the stock `phoenix` client talks to in the tests, served by uvicorn.

    python chat_app.py PORT local|<URL of a PostgreSQL or a Redis> <channel>

prints its address, and serves until its standard input ends, so that it never outlives the test that started it.
"""

import asyncio
import socket
import sys
import threading
from datetime import timedelta

import uvicorn
from buses import made
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from ectype.web_integration import (
    Channel,
    Connected,
    ConnectInfo,
    Join,
    Joined,
    JoinRefused,
    LongPoll,
    Params,
    Payload,
    Refused,
    Reply,
    Socket,
    SocketHandler,
    Stop,
    repo_lifespan,
    socket_app,
)

SECRET = "the same in every process of the tests"


class RoomChannel(Channel):
    intercept = ("whisper",)

    async def join(self, topic: str, payload: Payload, socket: Socket) -> Join:
        match payload.get("mode"):
            case "refuse":
                return JoinRefused({"reason": "unauthorized"})
            case "crash":
                raise RuntimeError("join was told to crash")
            case "slow":
                await asyncio.sleep(0.3)
            case _:
                pass
        self.tell("joined")
        return Joined({"topic": topic, "user": socket.assigns["user"]}, room=topic, count=0)

    async def handle_info(self, message: object, socket: Socket) -> None:
        await self.push("welcome", {"message": str(message)})

    async def handle_in_echo(self, payload: Payload, socket: Socket) -> Reply:
        return Reply(payload)

    async def handle_in_params(self, payload: Payload, socket: Socket) -> Reply:
        return Reply(socket.assigns["params"])

    async def handle_in_count(self, payload: Payload, socket: Socket) -> Reply:
        socket.assign(count=socket.assigns["count"] + 1)
        return Reply({"count": socket.assigns["count"]})

    async def handle_in_refuse(self, payload: Payload, socket: Socket) -> Reply:
        return Reply({"reason": "no"}, status="error")

    async def handle_in_new_msg(self, payload: Payload, socket: Socket) -> None:
        await self.broadcast("new_msg", {"body": payload["body"], "room": socket.assigns["room"]})

    async def handle_in_others(self, payload: Payload, socket: Socket) -> Reply:
        await self.broadcast_from("others", payload)
        return Reply({"told": "others"})

    async def handle_in_whisper(self, payload: Payload, socket: Socket) -> None:
        await self.broadcast("whisper", payload)

    async def handle_out(self, event: str, payload: object, socket: Socket) -> None:
        await self.push(event, {"for": socket.assigns["user"]})

    async def handle_in_later(self, payload: Payload, socket: Socket) -> None:
        ref = socket.ref()
        task = asyncio.create_task(self._answer_later(ref))
        socket.assign(task=task)

    async def _answer_later(self, ref: object) -> None:
        await asyncio.sleep(0.01)
        await self.reply(ref, Reply({"late": True}))  # type: ignore[arg-type]  # the ref of handle_in_later

    async def handle_in_crash(self, payload: Payload, socket: Socket) -> None:
        raise RuntimeError("told to crash")

    async def handle_in_stop(self, payload: Payload, socket: Socket) -> Stop:
        return Stop(reply=Reply({"bye": True}))

    async def handle_binary(self, event: str, data: bytes, socket: Socket) -> Reply:
        await self.broadcast_from("bytes", data[::-1])
        return Reply(data[::-1])


class LonelyChannel(Channel):
    async def join(self, topic: str, payload: Payload, socket: Socket) -> Join:
        return Joined()


class UserSocket(SocketHandler):
    channels = {"room:*": RoomChannel, "lonely": LonelyChannel}

    async def connect(self, params: Params, info: ConnectInfo) -> Connected | Refused:
        if params.get("user") == "mallory":
            return Refused(429, reason="slow down")
        user = info.auth_token or params.get("user", "nobody")
        return Connected(user=user, params=params, id=f"users:{user}")


repos, pubsub = made(*sys.argv[2:4])
# A short window, so that a server that stops need not wait long for the polls in hand.
sockets = socket_app(UserSocket, pubsub=pubsub, longpoll=LongPoll(secret=SECRET, window=timedelta(seconds=3)))


async def disconnect(request: Request) -> Response:
    pubsub.broadcast(f"users:{request.path_params['user']}", "disconnect", {})
    return Response(status_code=204)


async def drain(request: Request) -> Response:
    await sockets.drain()
    return Response(status_code=204)


async def resume(request: Request) -> Response:
    await sockets.__aenter__()
    return Response(status_code=204)


app = Starlette(
    routes=[
        Mount("/socket", sockets),
        Route("/disconnect/{user}", disconnect, methods=["POST"]),
        Route("/drain", drain, methods=["POST"]),
        Route("/resume", resume, methods=["POST"]),
    ],
    lifespan=repo_lifespan(*repos, pubsub, sockets),
)


def main() -> None:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=5))

    def stop_at_end_of_input() -> None:
        sys.stdin.read()
        server.should_exit = True

    threading.Thread(target=stop_at_end_of_input, daemon=True).start()
    print(f"127.0.0.1:{listener.getsockname()[1]}", flush=True)
    server.run(sockets=[listener])


if __name__ == "__main__":
    main()

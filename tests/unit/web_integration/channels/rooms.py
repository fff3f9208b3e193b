"""The channels that the tests of connections join."""

import asyncio
from typing import Any

from ectype.web_integration import Channel, Join, Joined, JoinRefused, Payload, Reply, Socket, Stop


class Room(Channel):
    log: list[Any]

    async def join(self, topic: str, payload: Payload, socket: Socket) -> Join:
        self.log = payload.get("log", [])
        if payload.get("refuse"):
            return JoinRefused({"reason": "no"})
        return Joined({"n": 1}, room=topic)

    async def handle_in_echo(self, payload: Payload, socket: Socket) -> Reply:
        return Reply(payload)

    async def handle_in_boom(self, payload: Payload, socket: Socket) -> None:
        raise RuntimeError("boom")

    async def handle_in_shout(self, payload: Payload, socket: Socket) -> None:
        await self.broadcast("shout", payload)

    async def handle_in_stop(self, payload: Payload, socket: Socket) -> Stop:
        return Stop(reason=payload["reason"], reply=Reply({"bye": 1}))


class Gate(Channel):
    """Waits in join and in `wait` until it is let go."""

    go: asyncio.Event
    ends: list[str]

    async def join(self, topic: str, payload: Payload, socket: Socket) -> Join:
        if payload.get("wait"):
            await self.go.wait()
        return JoinRefused({"reason": "late"}) if payload.get("refuse") else Joined()

    async def handle_in_wait(self, payload: Payload, socket: Socket) -> Reply:
        await self.go.wait()
        return Reply({"waited": True})

    async def handle_in_echo(self, payload: Payload, socket: Socket) -> Reply:
        return Reply(payload)

    async def terminate(self, reason: str, socket: Socket) -> None:
        self.ends.append(reason)


OK = {"status": "ok", "response": {}}

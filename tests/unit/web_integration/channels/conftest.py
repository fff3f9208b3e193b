"""A client without a network: it gives frames to a Connection, and keeps what it is sent."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from ectype.web_integration import Channel, Connected, PubSub
from ectype.web_integration.channels.outbox import Fanout
from ectype.web_integration.channels.serializer import VERSION_2, Frame
from ectype.web_integration.channels.server import Connection, Limits
from ectype.web_integration.channels.socket import Routes


class Client:
    def __init__(self, routes: dict[str, type[Channel]], pubsub: PubSub, fanout: Fanout, **options: Any) -> None:
        self.frames: list[Any] = []
        self.readable = asyncio.Event()
        self.readable.set()
        self.closed = asyncio.Event()
        self._arrived = asyncio.Event()
        connected = options.pop("connected", Connected())
        self.connection = Connection(
            connected,
            routes=Routes(routes),
            serializer=VERSION_2,
            pubsub=pubsub,
            fanout=fanout,
            limits=Limits(**options),
            transmit=self._transmit,
            on_close=self.closed.set,
        )

    async def _transmit(self, frame: Frame) -> None:
        await self.readable.wait()
        self.frames.append(json.loads(frame) if isinstance(frame, str) else frame)
        self._arrived.set()

    async def send(self, *frame: Any) -> None:
        await self.connection.receive(json.dumps(frame))

    async def next(self) -> Any:
        """The next frame that the client was sent, or a failure after two seconds."""
        async with asyncio.timeout(2):
            while not self.frames:
                self._arrived.clear()
                await self._arrived.wait()
        return self.frames.pop(0)

    async def join(self, topic: str, ref: str = "1", payload: Any = None) -> Any:
        await self.send(ref, ref, topic, "phx_join", {} if payload is None else payload)
        return await self.next()

    async def quiet(self) -> list[Any]:
        """What arrives while nothing is asked."""
        await asyncio.sleep(0.02)
        return self.frames


@pytest.fixture
def pubsub() -> PubSub:
    return PubSub()


@pytest.fixture
async def connect(pubsub: PubSub) -> Any:
    clients: list[Client] = []
    fanout = Fanout()

    def connect(routes: dict[str, type[Channel]], **options: Any) -> Client:
        clients.append(Client(routes, pubsub, fanout, **options))
        return clients[-1]

    yield connect
    for client in clients:
        client.readable.set()
        await client.connection.finish()


Connect = Callable[..., Client]

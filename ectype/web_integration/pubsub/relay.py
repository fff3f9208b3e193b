"""Relay: the side of a PubSub that faces a bus. It numbers what leaves, and checks the numbers of what comes.

What leaves waits in an outbox that one task empties, so that a broadcast stays a plain function. Every process counts
its broadcasts: who hears a number twice drops one, and who misses a number says that something was lost.
"""

from __future__ import annotations

import asyncio
import logging
import random
from base64 import b64decode, b64encode
from collections import OrderedDict, deque
from collections.abc import Callable
from contextvars import Context
from datetime import UTC, datetime
from secrets import token_hex
from typing import Final, cast, final

from ectype.web_integration.payload import decode_json, encode_json
from ectype.web_integration.pubsub.broadcast import Broadcast
from ectype.web_integration.pubsub.bus import Bus, Missed, Parcel
from ectype.web_integration.pubsub.errors import PubSubError

logger = logging.getLogger("ectype.pubsub")

VERSION: Final = 1
BATCH: Final = 100
"""How many messages go out together."""
SENDERS: Final = 10_000
"""Of how many processes the numbers are remembered."""
CLOSE_SECONDS: Final = 5.0
"""How long the end may take to send what still waits."""
_BACKOFF_SECONDS: Final = (0.05, 2.0)


@final
class Relay:
    """Carries broadcasts to and from a bus.

    Args:
        bus: the way.
        node: the name of this process there.
        deliver: takes what others broadcast.
        missed: is told what may have been lost.
        room: how many broadcasts may wait while the bus is away.
    """

    __slots__ = (
        "_bus", "_busy", "_deliver", "_directs", "_idle", "_last", "_missed", "_news", "_node", "_origin", "_room",
        "_sent", "_task", "_waiting",
    )  # fmt: skip

    def __init__(self, bus: Bus, node: str, deliver: Callable[[Broadcast], None], missed: Missed, room: int) -> None:
        self._bus = bus
        self._node = node
        self._deliver = deliver
        self._missed = missed
        self._room = room
        self._origin = token_hex(8)
        self._sent = 0
        self._directs = 0
        self._last: OrderedDict[str, list[int]] = OrderedDict()
        self._waiting: deque[Parcel] = deque()
        self._busy = 0
        self._news = self._idle = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Hear and send."""
        if self._task is not None:
            raise PubSubError("the PubSub is open already")
        self._news, self._idle = asyncio.Event(), asyncio.Event()
        self._idle.set()
        await self._bus.open(self._node, self._hear, self._missed)
        # A context of its own: nothing that this sends belongs to a transaction of whoever broadcasts.
        self._task = asyncio.get_running_loop().create_task(
            self._work(), name=f"ectype pubsub of {self._node}", context=Context()
        )

    async def close(self) -> None:
        """Send what waits, for as long as `CLOSE_SECONDS`, and end."""
        task, self._task = self._task, None
        try:
            if task is not None:
                await self._drain(task)
        finally:
            await self._bus.close()

    def post(self, broadcast: Broadcast, node: str | None = None) -> None:
        """Let a broadcast leave, to one node or to all others.

        Raises:
            PubSubError: it is not open, or `room` broadcasts wait already. The others hear that one was lost.
        """
        if self._task is None or self._task.done():
            raise PubSubError(
                f"{broadcast.event!r} on {broadcast.topic!r} cannot leave this process, since its PubSub is not open",
                hint="write `async with pubsub:` around the server, or lifespan=repo_lifespan(repo, pubsub)",
            )
        if node is None:
            number = self._sent = self._sent + 1
        else:
            self._directs += 1
            number = -self._directs
        if len(self._waiting) + self._busy >= self._room:
            raise PubSubError(
                f"{broadcast.event!r} on {broadcast.topic!r} was not sent to other processes: {self._room:,} "
                "broadcasts wait for a bus that does not take them",
                hint="see the log of `ectype.pubsub` for its error; PubSub(room=…) lets more of them wait",
            )
        self._waiting.append(Parcel(node, self._written(broadcast, number)))
        self._idle.clear()
        self._news.set()

    # What leaves.

    async def _drain(self, task: asyncio.Task[None]) -> None:
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._idle.wait()
        except TimeoutError:
            left = len(self._waiting) + self._busy
            logger.error("%d broadcasts were not sent, since the bus did not take them", left)  # noqa: TRY400  # no trace
        task.cancel()
        await asyncio.wait({task})

    async def _work(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
                self._busy = len(batch)
                await self._send(batch)
                self._busy = 0
            self._idle.set()

    async def _send(self, batch: list[Parcel]) -> None:
        failures = 0
        while True:
            try:
                await self._bus.send(batch)
            except Exception as exc:  # noqa: BLE001  # a bus may raise anything, and the messages wait for it
                if failures == 0:
                    logger.warning("broadcasts to other processes wait, since the bus does not take them: %s", exc)
                failures += 1
                least, most = _BACKOFF_SECONDS
                # Not for secrets: it keeps many processes from knocking at once.
                await asyncio.sleep(min(most, least * 2 ** min(failures, 10)) * random.uniform(0.5, 1.0))
            else:
                if failures:
                    logger.warning("broadcasts to other processes leave again")
                return

    def _written(self, broadcast: Broadcast, number: int) -> str:
        topic, event, body = broadcast.topic, broadcast.event, broadcast.body
        kind = "bytes" if isinstance(body, bytes) else "json"
        head = encode_json([VERSION, self._origin, self._node, number, topic, event, kind], topic=topic, event=event)
        # JSON text that is compact has no line ends of its own.
        return f"{head}\n{b64encode(body).decode() if isinstance(body, bytes) else body}"

    # What comes.

    def _hear(self, text: str) -> None:
        head, _, body = text.partition("\n")
        try:
            origin, node, number, topic, event, data = _read(head, body)
        except (ValueError, TypeError) as exc:
            # No trace: it is the sender's.
            logger.error("a message on the bus is not one of this version of ectype: %.200s", exc)  # noqa: TRY400
            self._missed(datetime.now(UTC), "a message could not be read")
            return
        if origin == self._origin:
            return
        if node == self._node:
            logger.error("another process calls itself %r too: give each a `node` of its own", node)
        if self._is_new(origin, node, number):
            self._deliver(Broadcast.received(topic, event, data))

    def _is_new(self, origin: str, node: str, number: int) -> bool:
        last = self._last.get(origin)
        if last is None:
            last = self._last[origin] = [number - 1, 0] if number > 0 else [-1, 0]
            if len(self._last) > SENDERS:
                self._last.popitem(last=False)
        self._last.move_to_end(origin)
        if number < 0:
            if -number <= last[1]:
                return False
            last[1] = -number
            return True
        if number <= last[0]:
            return False
        if last[0] >= 0 and number > last[0] + 1:
            self._missed(datetime.now(UTC), f"{number - last[0] - 1} messages of {node} did not arrive")
        last[0] = number
        return True


def _read(head: str, body: str) -> tuple[str, str, int, str, str, str | bytes]:
    version, origin, node, number, topic, event, kind = cast("list[object]", decode_json(head))
    if version != VERSION or not isinstance(number, int):
        raise ValueError(f"version {version!r}")
    data = b64decode(body, validate=True) if kind == "bytes" else body
    return str(origin), str(node), number, str(topic), str(event), data

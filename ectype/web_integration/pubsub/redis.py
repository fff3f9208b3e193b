"""RedisBus: PubSub between processes by Redis.

It needs redis-py: `pip install 'ectype[redis]'`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from contextvars import Context
from datetime import UTC, datetime
from typing import Any, Final, final
from urllib.parse import urlsplit, urlunsplit

from ectype.errors import ConfigError, ConnectError
from ectype.web_integration.pubsub.bus import Heard, Missed, Parcel

try:
    from redis import asyncio as driver
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff
    from redis.exceptions import RedisError
except ModuleNotFoundError as exc:
    raise ModuleNotFoundError("RedisBus needs redis-py\n\nhint: pip install 'ectype[redis]'", name="redis") from exc

logger = logging.getLogger("ectype.pubsub")

CONNECT_SECONDS: Final = 5.0
PING_SECONDS: Final = 10.0
"""How often Redis is asked whether it is still there: a network that is gone says nothing."""
_BACKOFF_SECONDS: Final = (0.05, 2.0)


@final
class RedisBus:
    """Carries broadcasts between the processes that use one Redis.

    It hears on one connection and sends on another. Both are made anew when they are lost, and what may have been
    missed is told.

    Args:
        url: as `redis://user:password@host:6379/0`, or `rediss://` with TLS; the password never prints.
        channel: the name of the channel: each application on a Redis has its own.
        ping_seconds: how often Redis is asked whether it is there.

    Raises:
        ConfigError: for a URL that is none.

    Example:
        pubsub = PubSub(bus=RedisBus("redis://127.0.0.1:6379"), defer=repo.after_commit)
    """

    __slots__ = ("_channel", "_client", "_heard", "_hearing", "_missed", "_names", "_ping_seconds", "_task", "url")

    def __init__(self, url: str, *, channel: str = "ectype_pubsub", ping_seconds: float = PING_SECONDS) -> None:
        self.url: Final = _masked(url)
        try:
            self._client: Any = driver.Redis.from_url(  # pyright: ignore[reportUnknownMemberType]
                url,
                decode_responses=True,
                socket_connect_timeout=CONNECT_SECONDS,
                socket_timeout=CONNECT_SECONDS,
                # What fails is sent again by the one who counts; see Relay.
                retry=Retry(NoBackoff(), 0),
            )
        except ValueError as exc:
            raise ConfigError(
                f"{self.url!r} is no address of a Redis", hint='write "redis://127.0.0.1:6379/0"'
            ) from exc
        if not channel:
            raise ConfigError("the channel of a RedisBus needs a name", hint='channel="blog"')
        self._channel = channel
        self._ping_seconds = ping_seconds
        self._names: tuple[str, ...] = ()
        self._heard: Heard | None = None
        self._missed: Missed | None = None
        self._hearing: Any = None
        self._task: asyncio.Task[None] | None = None

    async def open(self, node: str, heard: Heard, missed: Missed) -> None:
        """Subscribe.

        Raises:
            ConnectError: Redis cannot be reached, or refuses.
        """
        self._names = (self._channel, self._of(node))
        self._heard, self._missed = heard, missed
        try:
            self._hearing = await self._subscribe()
        except (RedisError, OSError, TimeoutError) as exc:
            await self._client.aclose()
            raise ConnectError(
                f"{self.url} did not let us subscribe: {type(exc).__name__}: {exc}",
                hint="is Redis running there, and is the password right?",
            ) from exc
        self._task = asyncio.get_running_loop().create_task(
            self._hear(), name=f"ectype bus of {node}", context=Context()
        )

    async def send(self, parcels: Sequence[Parcel]) -> None:
        """Send texts, in one round trip.

        Raises:
            ConnectError: Redis did not take them.
        """
        try:
            async with self._client.pipeline(transaction=False) as pipeline:
                for node, text in parcels:
                    pipeline.publish(self._channel if node is None else self._of(node), text)
                await pipeline.execute()
        except (RedisError, OSError, TimeoutError) as exc:
            raise ConnectError(f"{self.url} did not take a broadcast: {type(exc).__name__}: {exc}") from exc

    async def close(self) -> None:
        """Hear and send no more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})
        await self._leave()
        await self._client.aclose()

    def _of(self, node: str) -> str:
        return f"{self._channel}:{node}"

    async def _leave(self) -> None:
        hearing, self._hearing = self._hearing, None
        if hearing is not None:
            with suppress(RedisError, OSError, TimeoutError):
                await hearing.aclose()

    async def _subscribe(self) -> Any:
        hearing = self._client.pubsub()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await hearing.subscribe(*self._names)
                for _ in self._names:
                    while await hearing.get_message(timeout=CONNECT_SECONDS) is None:
                        pass
        except BaseException:
            with suppress(RedisError, OSError, TimeoutError):
                await hearing.aclose()
            raise
        return hearing

    async def _hear(self) -> None:
        alive = datetime.now(UTC)
        while True:
            try:
                alive = await self._take()
            except (RedisError, OSError, TimeoutError) as exc:
                reason = f"the connection to {self.url} was lost: {type(exc).__name__}"
                logger.warning("%s", reason)
            else:
                continue
            await self._again()
            if self._missed is not None:
                self._missed(alive, reason)
            alive = datetime.now(UTC)

    async def _take(self) -> datetime:
        message = await self._hearing.get_message(timeout=self._ping_seconds)
        if message is None:
            await self._hearing.ping()
            # A broadcast that comes before the answer says as well that Redis is there.
            message = await self._hearing.get_message(timeout=CONNECT_SECONDS)
            if message is None:
                raise TimeoutError("no answer to PING")
        if message["type"] == "subscribe":
            # The driver made the connection anew by itself, and tells nobody otherwise.
            raise ConnectionError("subscribed anew")
        if message["type"] == "message" and self._heard is not None:
            self._heard(message["data"])
        return datetime.now(UTC)

    async def _again(self) -> None:
        least, most = _BACKOFF_SECONDS
        failures = 0
        while True:
            await self._leave()
            try:
                self._hearing = await self._subscribe()
            except (RedisError, OSError, TimeoutError):
                failures += 1
                await asyncio.sleep(min(most, least * 2 ** min(failures, 10)))
            else:
                return


def _masked(url: str) -> str:
    parts = urlsplit(url)
    if parts.password is None and parts.username is None:
        return url
    where = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, f"{parts.username or ''}:***@{where}", parts.path, "", ""))

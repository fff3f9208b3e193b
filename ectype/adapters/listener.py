"""A connection that hears notifications: outside the pool, proved at start, made anew when it is lost."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self
from uuid import uuid4

from ectype.adapters.base import Adapter, Connection
from ectype.adapters.inbox import Inbox
from ectype.adapters.notifications import Notification, Resync
from ectype.errors import ConfigError, ConnectError, EctypeError, UnsupportedError
from ectype.telemetry import ListenEvent, emit

EVENT: Final = "ectype.repo.listen"
CONNECT_SECONDS: Final = 5.0
PROOF_SECONDS: Final = 2.0
"""How long a notification of our own may take to come back."""
PING_SECONDS: Final = 10.0
"""How often the server is asked whether it is still there: a network that is gone says nothing."""
LONGEST_CHANNEL: Final = 63
_BACKOFF_SECONDS = (0.05, 2.0)

Prove = Callable[[str, str], Awaitable[object]]
"""Sends `(channel, payload)` the way that the program sends its notifications."""


class Listener:
    """The block and the iterator of `repo.listen(…)`.

    It is one consumer's: several that iterate share the notifications.
    """

    __slots__ = (
        "__weakref__",
        "_adapter",
        "_alive",
        "_awaited",
        "_channels",
        "_closed",
        "_connection",
        "_inbox",
        "_lost",
        "_own",
        "_ping_seconds",
        "_prove",
        "_task",
    )

    def __init__(
        self,
        adapter: Adapter,
        channels: tuple[str, ...],
        prove: Prove,
        *,
        room: int = 1_000,
        ping_seconds: float = PING_SECONDS,
    ) -> None:
        """Check the channels; nothing is connected yet.

        Args:
            adapter: the database; its `connect_session` is used.
            channels: names, as NOTIFY has them.
            prove: sends a notification the way that the program does.
            room: how many notifications wait for a consumer that is slow.
            ping_seconds: how often the server is asked whether it is there.

        Raises:
            ConfigError: no channel, a name that PostgreSQL would cut, or no room.
        """
        check_channels(channels)
        self._adapter = adapter
        self._channels = channels
        self._prove = prove
        self._ping_seconds = ping_seconds
        self._own = f"ectype_{uuid4().hex}"
        self._awaited: tuple[str, asyncio.Event] | None = None
        self._inbox = Inbox(room)
        self._lost = asyncio.Event()
        self._alive = datetime.now(UTC)
        self._connection: Connection | None = None
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    async def __aenter__(self) -> Self:
        """Listen, and see a notification of our own come back.

        Raises:
            UnsupportedError: the database has no notifications, or a pooler keeps them.
            ConnectError: no connection could be made.
        """
        if self._task is not None or self._closed:
            raise ConfigError("a listener is entered once", hint="call `repo.listen(…)` again")
        await self._connect()
        self._task = asyncio.create_task(self._stay(), name=f"ectype listener of {', '.join(self._channels)}")
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Notification | Resync:
        if self._task is None and not self._closed:
            raise not_entered()
        return await self._inbox.take()

    async def close(self) -> None:
        """Stop listening; who iterates gets what is there, and then the end."""
        self._closed = True
        self._inbox.end()
        try:
            if self._task is not None:
                self._task.cancel()
                await asyncio.wait({self._task})
            if self._connection is not None:
                await self._connection.close(1.0)
        except asyncio.CancelledError:
            if self._connection is not None:
                self._connection.terminate()
            raise

    async def _connect(self) -> None:
        self._lost = lost = asyncio.Event()
        connection = await self._adapter.connect_session(CONNECT_SECONDS)
        try:
            await connection.listen((*self._channels, self._own), self._hear, lost.set, CONNECT_SECONDS)
            self._alive = datetime.now(UTC)
            await self._see_proof()
        except BaseException:
            # A polite end could be cancelled in its turn.
            connection.terminate()
            raise
        self._connection = connection

    async def _see_proof(self) -> None:
        nonce, heard = uuid4().hex, asyncio.Event()
        self._awaited = nonce, heard
        sent = False
        try:
            async with asyncio.timeout(PROOF_SECONDS):
                await self._prove(self._own, nonce)
                sent = True
                await heard.wait()
        except TimeoutError as exc:
            if not sent:
                raise ConnectError(
                    f"a listener could not be proved: within {PROOF_SECONDS:g} s its own notification could not be "
                    f"sent through {self._adapter.url}",
                    hint="is every connection of the pool held? listen before they are, or give the repo a larger "
                    "`pool_size`",
                ) from exc
            raise UnsupportedError(
                f"a notification sent through {self._adapter.url} was not heard within {PROOF_SECONDS:g} s: a pooler "
                "in transaction mode keeps them, or `direct_url` leads to another database (PostgreSQL)",
                hint="give the repo `direct_url=` with the address of the server itself",
            ) from exc
        finally:
            self._awaited = None

    def _hear(self, channel: str, payload: str, pid: int) -> None:
        if channel == self._own:
            if self._awaited is not None and self._awaited[0] == payload:
                self._awaited[1].set()
            return
        self._inbox.put(Notification(channel, payload, pid))

    async def _stay(self) -> None:
        """Hear until the connection is lost, make another, and say that something may be missing; for ever."""
        try:
            while True:
                why = await self._until_lost()
                since = self._alive
                emit(EVENT, ListenEvent(self._adapter.url, self._channels, "lost", why))
                await self._connect_again()
                self._inbox.miss(since, f"the connection was lost: {why}")
                emit(EVENT, ListenEvent(self._adapter.url, self._channels, "restored", None))
        except Exception as exc:  # noqa: BLE001  # it is the consumer's
            self._inbox.fail(exc)

    async def _until_lost(self) -> EctypeError:
        connection = self._connection
        assert connection is not None  # `_connect` comes first
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._ping_seconds):
                    await self._lost.wait()
            try:
                # One that was lost says why.
                await connection.execute("SELECT 1", (), CONNECT_SECONDS)
            except EctypeError as exc:
                connection.terminate()
                return exc
            if connection.broken:
                return ConnectError(f"the connection to {self._adapter.url} was lost")
            self._alive = datetime.now(UTC)

    async def _connect_again(self) -> None:
        failures = 0
        while True:
            try:
                return await self._connect()
            except ConfigError:
                raise
            except EctypeError:
                failures += 1
            least, most = _BACKOFF_SECONDS
            # Not for secrets: it keeps many processes from knocking at once.
            await asyncio.sleep(min(most, least * 2 ** min(failures, 10)) * random.uniform(0.5, 1.0))


def not_entered() -> ConfigError:
    """Return the error for one who iterates a listener outside its block."""
    return ConfigError("the listener was not entered", hint='write `async with repo.listen("posts") as notifications:`')


def check_channels(channels: tuple[str, ...]) -> None:
    """Raise ConfigError for no channel, or for what cannot be the name of one."""
    if not channels:
        raise ConfigError("`listen` needs a channel", hint='name it: `repo.listen("posts")`')
    for channel in channels:
        check_channel(channel)


def check_channel(channel: object) -> None:
    """Raise ConfigError for what cannot be the name of a channel."""
    if not isinstance(channel, str) or not channel or "\0" in channel or not channel.isprintable():
        raise ConfigError(f"{channel!r:.80} is no name of a channel", hint="a channel is called by a printable text")
    if len(channel.encode()) > LONGEST_CHANNEL:
        raise ConfigError(
            f"the channel {channel!r:.80} has {len(channel.encode())} bytes, and PostgreSQL's names have "
            f"{LONGEST_CHANNEL} at most",
            hint="name the channel after the kind of thing, and say which one in the payload",
        )

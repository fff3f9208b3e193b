"""The calls of a repo that send and hear notifications between the programs of one database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from weakref import WeakSet

from ectype.adapters.base import Adapter
from ectype.adapters.listener import Listener, check_channel
from ectype.adapters.notifications import Notification, Resync
from ectype.adapters.sandbox import Sandbox
from ectype.adapters.sandbox_notifications import OwnedListener
from ectype.errors import CastError, UnsupportedError
from ectype.repo.transaction import Session

LONGEST_PAYLOAD = 7_999
"""In bytes: https://www.postgresql.org/docs/current/sql-notify.html."""


class NotifyCalls:
    """The part of `Repo` that notifies and listens."""

    adapter: Adapter
    _session: Session
    _listeners: WeakSet[Listener | OwnedListener]

    def listen(
        self, *channels: str, queue: int = 1_000
    ) -> AbstractAsyncContextManager[AsyncIterator[Notification | Resync]]:
        """Hear what is sent to channels, from the beginning of the block to its end (PostgreSQL).

        It has a connection of its own, outside the pool, to `direct_url` where the repo has one. When that is lost it
        is made anew, and a `Resync` says from when on notifications may be missing; so it does when more than `queue`
        of them wait. Delivery is at most once, in the order in which transactions committed. In the sandbox it hears
        what its owner sends by `notify`.

        Args:
            channels: their names, each of 63 bytes at most.
            queue: how many notifications wait for a slow consumer.

        Raises:
            ConfigError: a name that cannot be one.
            UnsupportedError: on entering: the database has no notifications, or a pooler keeps them.
            ConnectError: on entering: no connection could be made.

        Example:
            async with repo.listen("posts") as notifications:
                async for item in notifications:
                    match item:
                        case Notification(channel, payload): ...
                        case Resync(since): ...
        """
        pool = self._session.pool
        listener = pool.listener(channels, queue) if isinstance(pool, Sandbox) else None
        if listener is None:
            listener = Listener(self.adapter, channels, self._prove, room=queue)
        self._listeners.add(listener)
        return listener

    async def notify(self, channel: str, payload: str = "", *, timeout: float | None = None) -> None:
        """Send a notification to all that listen to a channel; inside a transaction it leaves with the commit.

        Notifications of one transaction that are equal arrive once (PostgreSQL).

        Args:
            channel: its name, of 63 bytes at most.
            payload: a text of 7,999 bytes at most.
            timeout: seconds; None for the repo's.

        Raises:
            ConfigError: a name that cannot be one.
            CastError: the payload is no text.
            UnsupportedError: it is too long, or the database has no notifications.

        Example:
            await repo.notify("posts", str(post.id))
        """
        check_channel(channel)
        if not isinstance(payload, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # users pass what they like
            raise CastError(
                f"the payload of a notification is text, got {payload!r:.80}", hint="send `json.dumps(…)` of it"
            )
        size = len(payload.encode(errors="surrogatepass"))
        if size > LONGEST_PAYLOAD:
            raise UnsupportedError(
                f"a payload of {size:,} bytes is too long for NOTIFY, which takes {LONGEST_PAYLOAD:,} (PostgreSQL)",
                hint="store it in a row, and send the row's key",
            )
        await self._session.notify(channel, payload, timeout)

    async def _prove(self, channel: str, payload: str) -> None:
        # Inside a transaction it would wait for the commit.
        with self._session.detached():
            await self._session.notify(channel, payload)

"""PostgresBus: PubSub between processes by LISTEN and NOTIFY, with nothing but the database that is there already."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from contextvars import Context
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final, final
from uuid import uuid4

from ectype.adapters.notifications import Notification, Resync
from ectype.adapters.sandbox import owner_here, work_for
from ectype.adapters.sandbox_owner import Owner
from ectype.errors import ConfigError, DatabaseError, EctypeError
from ectype.repo.repo import Repo
from ectype.web_integration.pubsub.bus import Heard, Missed, Parcel

logger = logging.getLogger("ectype.pubsub")

LONGEST_INLINE: Final = 7_900
"""In bytes. NOTIFY takes 7,999: https://www.postgresql.org/docs/current/sql-notify.html."""
KEEP_SECONDS: Final = 300.0
"""How long a longer message stays in its table, for those that have yet to read it."""
LONGEST_CHANNEL: Final = 30
_SWEEP_SECONDS: Final = 60.0
_TRIES: Final = 5
_INLINE, _STORED = "=", "@"


@final
class PostgresBus:
    """Carries broadcasts between the processes that use one PostgreSQL database.

    Each hears on a connection of its own, outside the pool and to `direct_url` where the repo has one. It is proved at
    start, made anew when it is lost, and what may have been missed is told. Messages beyond 7,900 bytes go through the
    table `ectype_pubsub`, which is made at start unless it is there: they stay in it for five minutes.

    In the sandbox it belongs to the owner that it is opened for, and carries between the PubSubs of that owner, in this
    process and without the database, at once as it does outside.

    Args:
        repo: a repo on PostgreSQL, open for as long as the PubSub is.
        channel: the name of the channel, of 30 bytes at most: each application on a database has its own.
        queue: how many messages wait for this process before it is told that some are lost.

    Raises:
        ConfigError: for a name that is too long.

    Example:
        pubsub = PubSub(bus=PostgresBus(repo), defer=repo.after_commit)
    """

    __slots__ = ("_channel", "_heard", "_listener", "_missed", "_node", "_owner", "_queue", "_repo", "_swept", "_task")

    def __init__(self, repo: Repo, *, channel: str = "ectype_pubsub", queue: int = 10_000) -> None:
        if not channel or len(channel.encode()) > LONGEST_CHANNEL:
            raise ConfigError(
                f"channel={channel!r:.80} has not 1 to {LONGEST_CHANNEL} bytes",
                hint='a short name of the application: channel="blog"',
            )
        self._repo = repo
        self._channel = channel
        self._queue = queue
        self._swept = float("-inf")
        self._node = ""
        self._owner: Owner | None = None
        self._heard: Heard | None = None
        self._missed: Missed | None = None
        self._listener: AbstractAsyncContextManager[Any] | None = None
        self._task: asyncio.Task[None] | None = None

    async def open(self, node: str, heard: Heard, missed: Missed) -> None:
        """Make the table unless it is there, and listen.

        Raises:
            UnsupportedError: the database has no notifications, or a pooler keeps them.
            ConnectError: it cannot be reached.
            DatabaseError: the table cannot be made; the hint has its text.
            OwnershipError: the repo is a sandbox, and the task that opens it has no owner.
        """
        self._node, self._heard, self._missed = node, heard, missed
        self._owner = owner_here(self._repo)
        loop = asyncio.get_running_loop()
        opening = loop.create_task(self._begin(), context=self._apart())
        notifications = await opening
        self._task = loop.create_task(self._hear(notifications), name=f"ectype bus of {node}", context=self._apart())

    async def send(self, parcels: Sequence[Parcel]) -> None:
        """Send texts, in one statement where none is long."""
        notes = list[tuple[str, str]]()
        stored = list[tuple[str, str]]()
        for node, text in parcels:
            channel = self._channel if node is None else self._of(node)
            if self._owner is not None:
                # Its connection may be in a transaction of the application's, that what another connection sends
                # would not wait for; and a table of its own would keep those of all other owners waiting.
                self._owner.exchange.send(channel, _INLINE + text, 0)
                continue
            if len(text.encode()) < LONGEST_INLINE:
                notes.append((channel, _INLINE + text))
            else:
                name = str(uuid4())
                stored.append((name, text))
                notes.append((channel, _STORED + name))
        repo = self._repo
        if not stored:
            if notes:
                await self._notify(notes)
            return
        async with repo.transaction():
            await repo.query(
                "INSERT INTO ectype_pubsub (id, body) "
                "SELECT said->>0, said->>1 FROM json_array_elements({}::json) AS said",
                _as_json(stored),
            )
            await self._notify(notes)
        if monotonic() - self._swept > _SWEEP_SECONDS:
            self._swept = monotonic()
            await repo.query(
                "DELETE FROM ectype_pubsub WHERE made < now() - make_interval(secs => {}::float8)", KEEP_SECONDS
            )

    async def close(self) -> None:
        """Listen no more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})
        listener, self._listener = self._listener, None
        if listener is not None:
            await listener.__aexit__(None, None, None)

    def _apart(self) -> Context:
        """Return a context for a task that a transaction which is open where the server starts is no affair of."""
        context = Context()
        if self._owner is not None:
            context.run(work_for, self._owner)
        return context

    def _of(self, node: str) -> str:
        return f"{self._channel}:{node}"

    async def _notify(self, notes: Sequence[tuple[str, str]]) -> None:
        # One round trip for all of them, in their order.
        await self._repo.query(
            "SELECT count(pg_notify(said->>0, said->>1)) FROM json_array_elements({}::json) AS said", _as_json(notes)
        )

    async def _begin(self) -> Any:
        listener = self._repo.listen(self._channel, self._of(self._node), queue=self._queue)
        notifications = await listener.__aenter__()
        try:
            if self._owner is None:
                await self._make_table()
        except BaseException:
            await listener.__aexit__(None, None, None)
            raise
        self._listener = listener
        return notifications

    async def _make_table(self) -> None:
        repo = self._repo
        try:
            if (await repo.query("SELECT to_regclass('ectype_pubsub')::text")).rows[0][0] is not None:
                return
            async with repo.transaction():
                # Two processes that make one table at a time would fail, IF NOT EXISTS or not.
                await repo.query("SELECT pg_advisory_xact_lock(hashtext('ectype_pubsub'))::text")
                await repo.query(
                    "CREATE UNLOGGED TABLE IF NOT EXISTS ectype_pubsub "
                    "(id text PRIMARY KEY, body text NOT NULL, made timestamptz NOT NULL DEFAULT now())"
                )
        except DatabaseError as exc:
            exc.add_note(
                "PostgresBus keeps long messages in a table. Make it in a migration, and let the application's role "
                "read and write it:\nCREATE UNLOGGED TABLE ectype_pubsub (id text PRIMARY KEY, body text NOT NULL, "
                "made timestamptz NOT NULL DEFAULT now());"
            )
            raise

    async def _hear(self, notifications: Any) -> None:
        while True:
            try:
                async for item in notifications:
                    await self._take(item)
            except Exception:
                since = datetime.now(UTC)
                logger.exception("the listener of a PubSub ended, and is made anew")
            else:
                return
            notifications = await self._again()
            self._tell(since, "the listener ended, and was made anew")

    async def _again(self) -> Any:
        while True:
            try:
                if self._listener is not None:
                    listener, self._listener = self._listener, None
                    await listener.__aexit__(None, None, None)
                return await self._begin()
            except EctypeError as exc:
                logger.warning("the listener of a PubSub could not be made: %s", exc)
                await asyncio.sleep(1.0)

    async def _take(self, item: Notification | Resync) -> None:
        if isinstance(item, Resync):
            self._tell(item.since, item.reason)
            return
        kind, text = item.payload[:1], item.payload[1:]
        if kind == _STORED:
            stored = await self._stored(text)
            if stored is None:
                self._tell(datetime.now(UTC), "a long message was not in its table any more")
                return
            text = stored
        elif kind != _INLINE:
            logger.error("a notification on %r is none of ours: somebody else uses this channel", self._channel)
            return
        if self._heard is not None:
            self._heard(text)

    async def _stored(self, name: str) -> str | None:
        for last in (False,) * (_TRIES - 1) + (True,):
            try:
                rows = (await self._repo.query("SELECT body FROM ectype_pubsub WHERE id = {}", name)).rows
            except EctypeError as exc:
                logger.warning("a long message could not be read: %s", exc)
                if not last:
                    await asyncio.sleep(0.2)
            else:
                return str(rows[0][0]) if rows else None
        return None

    def _tell(self, since: datetime, reason: str) -> None:
        if self._missed is not None:
            self._missed(since, reason)


def _as_json(pairs: Sequence[tuple[str, str]]) -> str:
    return json.dumps(pairs, ensure_ascii=False)

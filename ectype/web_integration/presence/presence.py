"""Presence: who is in a topic, on all processes, told to the stock JS client's `Presence` as it wants to hear it.

    class RoomPresence(Presence):
        async def fetch(self, topic: str, keys: Sequence[str]) -> Mapping[str, Payload]:
            users = await repo.all(from_(User).where(User.id.in_([int(key) for key in keys])))
            return {str(user.id): {"user": {"name": user.name}} for user in users}

    presence = RoomPresence(pubsub)

Each process keeps what it knows of all others, tells them what changed on its side, and sends the diffs that it sees
to its own clients.
"""

from __future__ import annotations

import asyncio
import logging
from base64 import urlsafe_b64encode
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextvars import Context
from random import uniform
from secrets import token_bytes
from time import perf_counter, time_ns
from types import TracebackType
from typing import Any, Final, NamedTuple, Protocol, Self, TypeAlias, TypeVar, cast, final

from ectype import telemetry
from ectype.web_integration.payload import Payload, check_object, decode_json, encode_json
from ectype.web_integration.presence.errors import PresenceError
from ectype.web_integration.presence.events import DIFF_TOLD, NODE, PresenceDiff, PresenceNode
from ectype.web_integration.presence.tracker import Periods, Replica, Tracker
from ectype.web_integration.presence.tracker.parts import Diff, Entry
from ectype.web_integration.presence.tracker.tracker import Outcome, Send
from ectype.web_integration.presence.tracker.wire import read, write
from ectype.web_integration.pubsub.broadcast import Broadcast
from ectype.web_integration.pubsub.pubsub import PubSub, Subscription

logger = logging.getLogger("ectype.presence")

T = TypeVar("T")

STATE: Final = "presence_state"
DIFF: Final = "presence_diff"
CLOSE_SECONDS: Final = 5.0
"""How long the end may take to tell the diffs that still wait."""

Present: TypeAlias = Mapping[str, Mapping[str, Any]]
"""Key → what is told of it: `metas`, a list with one object for each time that it is tracked, and what `fetch` adds."""


class Owner(Protocol):
    """Who is present, and until when: a `Channel`, or a `Holder`."""

    @property
    def topic(self) -> str:
        """The topic that it is present in."""
        ...

    def at_end(self, callback: Callable[[], object]) -> None:
        """Call a function when it ends."""
        ...

    def background(self) -> Context:
        """Return a context in which to ask and to tell of it, without the transaction that may be open here."""
        ...


@final
class Holder:
    """An owner of presences that is no channel: a background task, a device that talks another protocol.

        with Holder("room:1") as holder:
            presence.track(holder, "robot", {"mood": "busy"})

    Args:
        topic: where it is present.
    """

    __slots__ = ("_ends", "_over", "topic")

    def __init__(self, topic: str) -> None:
        self.topic: Final = topic
        self._ends: list[Callable[[], object]] = []
        self._over = False

    def at_end(self, callback: Callable[[], object]) -> None:
        """Call a function at the end, or at once when that has come."""
        if self._over:
            callback()
        else:
            self._ends.append(callback)

    def background(self) -> Context:
        """Return an empty context, since a holder belongs to no client."""
        return Context()

    def end(self) -> None:
        """End: whoever this is present as leaves."""
        self._over = True
        ends, self._ends = self._ends, []
        for callback in ends:
            callback()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.end()


class _Told(NamedTuple):
    topic: str
    diff: Diff
    now: Sequence[Entry] | None
    since: float
    context: Context | None


class Presence:
    """Keeps who is present, and tells the clients of each topic.

    It is opened after its PubSub and closed before: `repo_lifespan(repo, pubsub, presence)`. All processes that share
    a bus have one of the same `name`.

    Args:
        pubsub: what carries it: between processes where that has a bus, to the clients anyhow.
        name: of the several that an application may have.
        periods: how often processes speak, and when one counts as gone.

    Raises:
        PresenceError: for periods that do not go together.
    """

    def __init__(self, pubsub: PubSub, *, name: str = "presence", periods: Periods | None = None) -> None:
        self._pubsub = pubsub
        self._name = name
        self._topic = f"ectype:presence:{name}"
        self._periods = periods or Periods()
        self._tracker: Tracker | None = None
        self._subscription: Subscription | None = None
        self._tasks: list[asyncio.Task[None]] = []
        # Who is tracked here: owner → key → entry.
        self._held: dict[Owner, dict[str, Entry]] = {}
        self._waiting: deque[_Told] = deque()
        self._news = self._quiet = asyncio.Event()
        # Which processes telemetry was told of.
        self._seen: Mapping[str, bool] = {}

    # What an application defines.

    async def fetch(self, topic: str, keys: Sequence[str]) -> Mapping[str, Payload]:  # noqa: ARG002
        """Return what is told of each key beside its metas: one call, and so one query, for all of them.

        It is called for `list`, and for each diff that goes out: then in a task of its own, which begins as those of
        the channel do whose presence changed, and so in the sandbox of a test works for its owner. When it raises,
        that is logged, and the metas are told alone. A key that it leaves out has metas only; `metas` of its own are
        ignored.
        """
        return {}

    async def handle_metas(self, topic: str, joins: Present, leaves: Present, present: Present) -> None:
        """Do something on this process with each diff that went out; `present` is who is there after it."""

    # What an application calls.

    def track(self, owner: Owner, key: object, meta: Payload | None = None) -> str:
        """Let somebody be present in the owner's topic until the owner ends, and return the `phx_ref`.

        Args:
            owner: a channel (`self` in one), or a `Holder`.
            key: who, such as a user's id; its text is what clients see.
            meta: what is told of this one time: a device, a status.

        Raises:
            PresenceError: it is tracked by this owner already, or presence is not open.
            PayloadError: the meta is no object, or holds what JSON cannot say.
        """
        tracker, name = self._open("track"), str(key)
        topic = owner.topic
        known = self._held.get(owner)
        if known is not None and name in known:
            raise PresenceError(
                f"{name!r} is tracked in {topic!r} by this owner already",
                hint="presence.update(owner, key, meta) changes what is told of it",
            )
        ref = _ref()
        entry, diff = tracker.join(topic, name, {**_plain(meta, topic), "phx_ref": ref})
        if known is None:
            known = self._held[owner] = {}
            known[name] = entry
            self._tell([diff], owner)
            owner.at_end(lambda: self._ended(owner))
        else:
            known[name] = entry
            self._tell([diff], owner)
        return ref

    def untrack(self, owner: Owner, key: object | None = None) -> None:
        """Let a key of the owner leave, or all of them; it is no error when there is none."""
        tracker = self._tracker
        if tracker is None:
            return
        held = self._held.get(owner, {})
        if key is None:
            entries = list(held.values())
            held.clear()
        else:
            entry = held.pop(str(key), None)
            entries = [] if entry is None else [entry]
        if entries:
            self._tell([tracker.leave(entries)], owner)

    def update(self, owner: Owner, key: object, meta: Payload | Callable[[Payload], Payload]) -> str:
        """Tell something else of a key of the owner, and return the new `phx_ref`.

        Clients see one leave and one join, in one diff; the join's `phx_ref_prev` says which it replaces.

        Args:
            owner: who tracked it.
            key: the key.
            meta: the new meta, or a function of the old one.

        Raises:
            PresenceError: it is not tracked, or presence is not open.
            PayloadError: as in `track`.
        """
        tracker, name = self._open("update"), str(key)
        topic = owner.topic
        entry = self._held.get(owner, {}).get(name)
        if entry is None:
            raise PresenceError(
                f"{name!r} is not tracked in {topic!r} by this owner",
                hint="presence.track(owner, key, meta) comes first",
            )
        old = {name: value for name, value in entry.meta.items() if name not in ("phx_ref", "phx_ref_prev")}
        said = meta(old) if callable(meta) else meta
        ref = _ref()
        whole = {**_plain(said, topic), "phx_ref": ref, "phx_ref_prev": entry.meta["phx_ref"]}
        made, diff = tracker.replace(entry, whole)
        self._held[owner][name] = made
        self._tell([diff], owner)
        return ref

    async def list(self, topic: str) -> Present:
        """Return who is present in a topic: what a client is pushed as `presence_state`.

        Example:
            await self.push("presence_state", await presence.list(self.topic))
        """
        return await self._fetched(topic, self._open("list").state.by_topic(topic))

    async def get_by_key(self, topic: str, key: object) -> Mapping[str, Any] | None:
        """Return what is told of one key in a topic, or None when it is not present."""
        name = str(key)
        entries = [entry for entry in self._open("get_by_key").state.by_topic(topic) if entry.key == name]
        return (await self._fetched(topic, entries)).get(name)

    async def settled(self) -> None:
        """Wait until every diff that there is has been told to the clients here: what a test may end with.

        Raises:
            PresenceError: presence is not open.
        """
        self._open("settled")
        while self._waiting or not self._quiet.is_set():
            await self._quiet.wait()

    def nodes(self) -> Mapping[str, bool]:
        """Return the other processes that are known, and whether each is seen at the moment."""
        return self._open("nodes").others

    # Its life.

    async def __aenter__(self) -> Self:
        """Begin to speak with the other processes."""
        await self.open()
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self) -> None:
        """Begin to speak with the other processes, as `async with` does.

        Raises:
            PresenceError: it is open already.
        """
        if self._tracker is not None:
            raise PresenceError(f"the presence {self._name!r} is open already")
        self._tracker = Tracker(Replica(self._pubsub.node, time_ns() // 1_000), self._periods)
        self._subscription = self._pubsub.subscribe(self._topic, self._on_message)
        self._news, self._quiet = asyncio.Event(), asyncio.Event()
        self._quiet.set()
        loop = asyncio.get_running_loop()
        # Contexts of their own: what they send belongs to nobody's transaction.
        self._tasks = [
            loop.create_task(self._beat(), name=f"ectype heartbeat of {self._name}", context=Context()),
            loop.create_task(self._work(), name=self._task_name, context=Context()),
        ]

    async def close(self) -> None:
        """Tell the others that this process goes, and end. Its own clients are told nothing: they go with it."""
        tracker, self._tracker = self._tracker, None
        if tracker is None:
            return
        beat, work = self._tasks
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._quiet.wait()
        except TimeoutError:
            logger.warning("%d diffs of presence were not told", len(self._waiting))
        for task in (beat, work):
            task.cancel()
        await asyncio.wait({beat, work})
        if self._subscription is not None:
            self._pubsub.unsubscribe(self._subscription)
        self._held.clear()
        self._waiting.clear()
        self._seen = {}
        self._send(tracker.goodbye())

    def _open(self, what: str) -> Tracker:
        if self._tracker is None:
            raise PresenceError(
                f"{what} was called on the presence {self._name!r}, which is not open",
                hint="write `async with presence:` round the server, or lifespan=repo_lifespan(repo, pubsub, presence)",
            )
        return self._tracker

    # Between processes.

    async def _beat(self) -> None:
        loop, seconds = asyncio.get_running_loop(), self._periods.heartbeat
        # Processes that were started together do not speak together for ever. Not for secrets.
        await asyncio.sleep(uniform(0, seconds / 4))
        while self._tracker is not None:
            try:
                self._settle(self._tracker.tick(loop.time()))
            except Exception:
                logger.exception("the heartbeat of the presence %r failed", self._name)
            await asyncio.sleep(seconds)

    def _on_message(self, broadcast: Broadcast) -> None:
        if self._tracker is None:
            return
        try:
            message = read(broadcast.event, cast("Payload", broadcast.payload))
        except ValueError as exc:
            # No trace: it is the sender's.
            logger.error("the presence %r got a message of another version: %.300s", self._name, exc)  # noqa: TRY400
            return
        self._settle(self._tracker.receive(message, asyncio.get_running_loop().time()))

    def _settle(self, outcome: Outcome) -> None:
        if telemetry.listeners(NODE) and self._tracker is not None:
            known, self._seen = self._seen, self._tracker.others
            for node in {**known, **self._seen}:
                seen = self._seen.get(node, False)
                if seen is not known.get(node, False):
                    telemetry.emit(NODE, PresenceNode(self._name, node, seen))
        self._tell(outcome.diffs)
        for send in outcome.sends:
            self._send(send)

    def _send(self, send: Send) -> None:
        event, payload = write(send.message)
        subscription = self._subscription
        try:
            if send.node is not None:
                self._pubsub.direct_broadcast(send.node, self._topic, event, payload)
            elif subscription is not None:
                self._pubsub.broadcast_from(subscription, self._topic, event, payload)
        except Exception:
            # The others find out by the numbers, and ask.
            logger.exception("the presence %r could not speak with the other processes", self._name)

    def _ended(self, owner: Owner) -> None:
        held = self._held.pop(owner, None)
        if held and self._tracker is not None:
            self._tell([self._tracker.leave(list(held.values()))], owner)

    # To the clients.

    def _tell(self, diffs: Sequence[Diff], owner: Owner | None = None) -> None:
        tracker = self._tracker
        if tracker is None:
            return
        listening = type(self).handle_metas is not Presence.handle_metas
        asking = listening or type(self).fetch is not Presence.fetch
        context = owner.background() if asking and owner is not None else None
        for diff in diffs:
            topics = dict.fromkeys(entry.topic for entry in (*diff.joins, *diff.leaves))
            if len(topics) == 1:
                parts = {next(iter(topics)): diff}
            else:
                parts = {
                    topic: Diff(
                        [entry for entry in diff.joins if entry.topic == topic],
                        [entry for entry in diff.leaves if entry.topic == topic],
                    )
                    for topic in topics
                }
            for topic, part in parts.items():
                now = tracker.state.by_topic(topic) if listening else None
                self._waiting.append(_Told(topic, part, now, perf_counter(), context))
        if self._waiting:
            self._quiet.clear()
            self._news.set()

    async def _work(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            while self._waiting:
                told = list(self._waiting)
                self._waiting.clear()
                try:
                    await self._tell_all(told)
                except Exception:
                    logger.exception("diffs of the presence %r could not be told", self._name)
            self._quiet.set()

    async def _tell_all(self, told: Sequence[_Told]) -> None:
        # What waited for the last query is asked for in one.
        keys: dict[str, dict[str, None]] = {}
        contexts: dict[str, Context] = {}
        for topic, diff, now, _, context in told:
            if context is not None:
                contexts.setdefault(topic, context)
            there = keys.setdefault(topic, {})
            for entry in (*diff.joins, *diff.leaves, *(now or ())):
                there[entry.key] = None
        extra = {
            topic: await self._within(contexts.get(topic), self._extra(topic, list(there)))
            for topic, there in keys.items()
        }
        for topic, diff, now, since, context in told:
            joins, leaves = _present(diff.joins, extra[topic]), _present(diff.leaves, extra[topic])
            try:
                self._pubsub.local_broadcast(topic, DIFF, {"joins": joins, "leaves": leaves})
            except Exception:
                logger.exception("a diff of %r could not be told", topic)
            if telemetry.listeners(DIFF_TOLD):
                counts = len(diff.joins), len(diff.leaves)
                telemetry.emit(DIFF_TOLD, PresenceDiff(self._name, topic, *counts, perf_counter() - since))
            if now is not None:
                try:
                    present = _present(now, extra[topic])
                    await self._within(context, self.handle_metas(topic, joins, leaves, present))
                except Exception:
                    logger.exception("%s.handle_metas raised on %r", type(self).__name__, topic)

    async def _within(self, context: Context | None, work: Coroutine[Any, Any, T]) -> T:
        if context is None:
            return await work
        # Under the name of the task that waits for it, by which a test may allow both.
        return await asyncio.get_running_loop().create_task(work, name=self._task_name, context=context)

    @property
    def _task_name(self) -> str:
        return f"ectype diffs of {self._name}"

    async def _fetched(self, topic: str, entries: Sequence[Entry]) -> Present:
        keys = list(dict.fromkeys(entry.key for entry in entries))
        return _present(entries, await self._extra(topic, keys))

    async def _extra(self, topic: str, keys: Sequence[str]) -> Mapping[str, Payload]:
        if not keys or type(self).fetch is Presence.fetch:
            return {}
        try:
            return await self.fetch(topic, keys)
        except Exception:
            logger.exception("%s.fetch raised on %r, the metas are told alone", type(self).__name__, topic)
            return {}


def _present(entries: Sequence[Entry], extra: Mapping[str, Payload]) -> dict[str, dict[str, Any]]:
    present: dict[str, dict[str, Any]] = {}
    for entry in entries:
        told = present.get(entry.key)
        if told is None:
            told = present[entry.key] = {**extra.get(entry.key, {}), "metas": []}
        told["metas"].append(entry.meta)
    return present


def _plain(meta: Payload | None, topic: str) -> dict[str, Any]:
    # As it will be on other processes, so that all tell the same.
    if meta is None:
        return {}
    check_object(meta, topic=topic, event="presence")
    return cast("dict[str, Any]", decode_json(encode_json(meta, topic=topic, event="presence", payload=meta)))


def _ref() -> str:
    # 16 letters, as Phoenix's are.
    return urlsafe_b64encode(token_bytes(12)).decode()

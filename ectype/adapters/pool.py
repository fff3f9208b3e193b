"""A bounded pool of connections: the last one used goes out first, the first call to wait is served first."""

from __future__ import annotations

# the deadline is a parameter of every method of the contract
import asyncio
import os
import random
import weakref
from asyncio import AbstractEventLoop, Future, Task, TimerHandle, current_task, get_running_loop
from collections import OrderedDict
from collections.abc import Coroutine
from contextlib import suppress
from contextvars import Context
from time import monotonic
from typing import Any, NamedTuple, TypeAlias, Unpack

from ectype.adapters import call_site
from ectype.adapters.base import Adapter, Begin, Connection
from ectype.adapters.call_site import Site
from ectype.adapters.pool_events import Events
from ectype.adapters.pool_opener import Opener
from ectype.adapters.pool_options import PoolOptions, SizedKeywords
from ectype.adapters.pool_refusals import away, closed, copy_of, gone
from ectype.adapters.pool_report import Holder, PoolReport, busy, refused, timed_out
from ectype.adapters.queue_control import QueueControl
from ectype.errors import ConfigError, ConnectError, EctypeError, UnsupportedError

CLEAN_SECONDS = 1.0
"""How long a rollback, a reset or a check of a connection may take before it is cut."""
MAKE_SECONDS = 0.1
"""How long a pool that closes waits for connections that are being made, before it cuts them."""
_LOOK_AFTER_SECONDS = (0.02, 5.0)
"""The shortest and the longest pause between two looks at idle and held connections."""
_TEXT_SECONDS = 0.1
"""How old the description of the pool may be with which a flood of calls is refused."""


class _Taken(NamedTuple):
    """What is known of a transaction. A task that nobody else holds must be free to go, and its transaction with it."""

    site: Site | None
    name: str
    task: weakref.ref[Task[Any]]


_Held: TypeAlias = tuple[float, Task[Any] | None, _Taken | None, float]
"""Since when a connection is out, with which task or transaction, and since when it had been in. A plain tuple: one is
made at every checkout."""


class _Wait(NamedTuple):
    since: float
    seconds: float
    task: Task[Any] | None


class Pool:
    """At most `size` connections of one adapter, made when they are needed.

    It belongs to the event loop and the process that first ask it for a connection. Connecting, checking and cleaning
    are done by tasks of the pool's own, so that a call that is cancelled leaves nothing half done.
    """

    __slots__ = (
        "__weakref__",
        "_adapter",
        "_busy",
        "_cleaning",
        "_closed",
        "_control",
        "_drained",
        "_events",
        "_held",
        "_home",
        "_idle",
        "_idle_check",
        "_lives",
        "_lost_memory",
        "_name",
        "_opener",
        "_opening",
        "_options",
        "_pid",
        "_size",
        "_tasks",
        "_total",
        "_upkeep",
        "_waiting",
        "_warned",
    )

    def __init__(self, adapter: Adapter, *, name: str = "repo", **options: Unpack[SizedKeywords]) -> None:
        """Make an empty pool.

        Args:
            adapter: makes the connections; one that can only make one is held to one, whatever `size` says.
            name: what the pool is called in events and errors.
            options: those of `PoolOptions`.

        Raises:
            ConfigError: an option is out of bounds.
        """
        self._options = PoolOptions(**options)
        if adapter.single and self._options.max_lifetime is not None:
            raise ConfigError(
                f"max_lifetime is given for {adapter.url}, a database that ends with its connection",
                hint="leave `max_lifetime` out",
            )
        self._adapter = adapter
        self._name = name
        self._events = Events(name)
        self._size = 1 if adapter.single else self._options.size
        self._idle_check = self._options.idle_check
        self._control = QueueControl(self._options.queue_target, self._options.queue_interval)
        self._idle: list[tuple[Connection, float]] = []
        self._held: dict[Connection, _Held] = {}
        self._waiting: OrderedDict[Future[Connection], _Wait] = OrderedDict()
        self._lives: dict[Connection, float] = {}
        self._warned: dict[Connection, float] = {}
        self._tasks: set[Task[None]] = set()
        self._cleaning: set[Task[None]] = set()
        self._total = 0
        self._opener = Opener(adapter, self._options, name)
        self._opening = 0
        self._lost_memory = False
        self._busy: tuple[float, str] = (0.0, "")
        self._home: AbstractEventLoop | None = None
        self._upkeep: TimerHandle | None = None
        self._pid = os.getpid()
        self._closed = False
        self._drained: Future[None] | None = None

    @property
    def single(self) -> bool:
        """Whether there can only be one connection, whatever the size that was asked for."""
        return self._adapter.single

    def try_acquire(self) -> Connection | None:
        """Return a free connection at once, or None when `acquire` has to be awaited."""
        idle = self._idle
        if not idle:
            return None
        home = self._home
        try:
            at_home = get_running_loop() is home
        except RuntimeError:
            # In a forked child no loop is running.
            at_home = False
        if not at_home:
            raise away(self._adapter.url, self._pid)
        connection, since = idle[-1]
        now = monotonic()
        if now - since > self._idle_check:
            return None
        idle.pop()
        if connection.broken:
            self._forget(connection, "lost")
            return self.try_acquire()
        self._held[connection] = (now, current_task(home), None, since)
        return connection

    def idle_of(self, connection: Connection) -> float | None:
        """Return how long a connection that is out had lain idle before, in seconds; None for one that is not out."""
        held = self._held.get(connection)
        return None if held is None else held[0] - held[3]

    def begin_text(self, how: Begin) -> str:
        """Return the statement that opens a transaction here."""
        return self._adapter.begin_text(how)

    async def acquire(self, timeout: float) -> Connection:
        """Return a connection, waiting for one in turn.

        Args:
            timeout: for how many seconds at most; `pool_timeout` may be less.

        Raises:
            PoolTimeoutError: none became free in time, or the pool is overloaded.
            ConnectError: the server cannot be reached, the pool is closed, or this is not its loop or process.
        """
        self._settle_in()
        connection = self.try_acquire()
        if connection is not None:
            return connection
        assert self._home is not None  # `_settle_in` has seen to it
        now = monotonic()
        if not self._waiting:
            self._control.drained()
        if self._control.turns_away(now, len(self._waiting)):
            raise self._refusal(now, 0.0)
        longest = self._options.pool_timeout
        if longest is not None and longest < timeout:
            if longest == 0 and len(self._held) + len(self._waiting) >= self._size:
                raise self._late(0.0, current_task())
            # One that is being made for this call is no other's, and may take its time.
            timeout = longest or timeout
        waiter: Future[Connection] = self._home.create_future()
        self._waiting[waiter] = _Wait(now, timeout, current_task())
        self._serve_stale_or_grow()
        deadline = self._home.call_later(timeout, self._expire, waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self.release(waiter.result())
            raise
        finally:
            deadline.cancel()
            self._waiting.pop(waiter, None)

    def release(self, connection: Connection, *, reset: bool = False) -> None:
        """Take a connection back; `reset` says that SQL text of the user's may have changed its session.

        One that is broken is dropped. One with a transaction open is rolled back first, or dropped.
        """
        held = self._held.pop(connection, None)
        if held is None:
            if self._closed:
                return
            raise EctypeError("a connection was released that is not out", hint="release each connection once")
        if connection.broken:
            self._distrust()
            self._drop(connection)
        elif reset or connection.in_transaction:
            self._cleaning.add(cleaning := self._start(self._clean(connection, reset=reset)))
            cleaning.add_done_callback(self._cleaning.discard)
        elif self._waiting or self._closed or connection.retired:
            self._put(connection)
        else:
            self._idle.append((connection, monotonic()))

    async def open(self, timeout: float) -> None:
        """Make the first connection. Raises ConnectError with what was tried and the fix."""
        self.release(await self.acquire(timeout))

    def note_site(self, connection: Connection, site: Site | None) -> None:
        """Note where a connection that is out was taken: it is watched from here on, and named in errors."""
        since, task, _, idle = self._held[connection]
        if task is not None:
            self._held[connection] = (since, None, _Taken(site, task.get_name(), weakref.ref(task)), idle)

    def reclaim(self, connection: Connection) -> None:
        """Cut a connection whose holder is gone without giving it back; callable from any thread."""
        home = self._home
        # The loop may have been closed, and its connections with it.
        if home is not None and os.getpid() == self._pid:
            with suppress(RuntimeError):
                home.call_soon_threadsafe(self._reclaim, connection)

    def disconnect_all(self, *, within: float = 0.0) -> None:
        """Replace every connection there is now, each at a random moment of the next `within` seconds.

        It moves a program to another server after a failover, or to fresh plans after a change of tables, without a
        storm of connects. A connection that is out is closed when it comes back.

        Raises:
            ConfigError: `within` is negative.
            UnsupportedError: the database ends with its connection.
        """
        if not within >= 0:
            raise ConfigError(f"within is {within!r}", hint="it is a number of seconds, 0 for at once")
        if self._adapter.single:
            raise UnsupportedError(
                f"disconnect_all would lose {self._adapter.url}, a database that ends with its connection",
                hint="open a new repo instead",
            )
        for connection in tuple(self._lives):
            if within and self._home is not None:
                self._home.call_later(random.uniform(0, within), self._retire, connection)
            else:
                self._retire(connection)

    def report(self) -> PoolReport:
        """Return what the pool is doing now, with every holder and every call that waits."""
        now = monotonic()
        waiting = [wait for waiter, wait in self._waiting.items() if not waiter.done()]
        return self._report(now, tuple([_holder((one.since, one.task, None, now), now) for one in waiting]))

    def _report(self, now: float, waiters: tuple[Holder, ...] = ()) -> PoolReport:
        holders = sorted((_holder(held, now) for held in self._held.values()), key=lambda one: -one.seconds)
        return PoolReport(
            size=self._size,
            idle=len(self._idle),
            in_use=len(self._held),
            opening=self._total - len(self._idle) - len(self._held),
            waiting=sum(not waiter.done() for waiter in self._waiting),
            holders=tuple(holders),
            failure=None if self._opener.failure is None else self._opener.failure.message,
            name=self._name,
            waiters=waiters,
            overloaded=self._control.overloaded,
        )

    async def close(self, timeout: float = 5.0) -> None:
        """Refuse new calls, wait for those under way until the deadline, then cut their connections.

        It is no error to close twice. Nothing of the pool runs afterwards.
        """
        if self._closed:
            return
        if self._home is None:
            self._closed = True
            return
        if not _is_running(self._home):
            raise away(self._adapter.url, self._pid)
        self._closed = True
        if self._upkeep is not None:
            self._upkeep.cancel()
        end = monotonic() + timeout
        self._fail_waiting(ConnectError(f"the pool to {self._adapter.url} was closed while the call waited"))
        making = self._tasks - self._cleaning
        idle, self._idle = self._idle, []
        try:
            for connection, _ in idle:
                self._forget(connection, "closed")
            await asyncio.gather(_let_end(making, end), *(connection.close(timeout) for connection, _ in idle))
            await self._drain(end)
        except asyncio.CancelledError:
            for task in making:
                task.cancel()
            # The closing of those that are idle may not even have begun.
            for connection, _ in idle:
                connection.terminate()
            raise
        finally:
            for connection in self._held:
                connection.terminate()
            self._held.clear()
            for connection in tuple(self._lives):
                self._forget(connection, "closed")
            self._total = 0
        await self._finish(max(0.1, end - monotonic()))

    async def _finish(self, seconds: float) -> None:
        """Let what the pool's own tasks do come to its end, or end it."""
        end = monotonic() + seconds
        # A connection that has been cleaned is closed by a further task.
        while self._tasks and monotonic() < end:
            await asyncio.wait(self._tasks, timeout=end - monotonic())
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _drain(self, end: float) -> None:
        if not self._held:
            return
        self._drained = get_running_loop().create_future()
        await asyncio.wait({self._drained}, timeout=max(0.0, end - monotonic()))

    def _settle_in(self) -> None:
        if self._closed:
            raise closed(self._adapter.url)
        if self._home is None:
            self._home = get_running_loop()
            self._pid = os.getpid()
            self._look_after_later()
        elif not _is_running(self._home):
            raise away(self._adapter.url, self._pid)

    def _serve_stale_or_grow(self) -> None:
        if self._idle:
            self._start(self._check(*self._idle.pop()))
        else:
            self._grow()

    def _grow(self) -> None:
        """Open as many connections as calls wait for, one at a time while the server refuses."""
        if self._lost_memory:
            self._fail_waiting(gone(self._adapter.url))
            return
        wanted = min(len(self._waiting) - self._opening, self._size - self._total)
        if self._opener.failures:
            wanted = min(wanted, 1 - self._opening)
        for _ in range(wanted):
            self._opening += 1
            self._total += 1
            self._start(self._open())

    async def _open(self) -> None:
        try:
            await self._opener.pause()
            began = monotonic()
            connection = await self._opener.connect()
        except asyncio.CancelledError:
            self._opening -= 1
            self._total -= 1
            raise
        except Exception as exc:  # noqa: BLE001  # whatever it is, a call waits for the answer
            self._opening -= 1
            self._total -= 1
            self._not_opened(exc)
        else:
            self._opening -= 1
            now = monotonic()
            self._lives[connection] = now + self._opener.life()
            self._events.connected(now - began, len(self._lives))
            self._put(connection)
            self._grow()

    def _not_opened(self, exc: Exception) -> None:
        self._opener.failed(exc)
        self._events.connection_error(exc, self._opener.failures)
        # While others are out, their release serves those who wait; an error that waiting cannot mend is told at once.
        if self._total == 0 or not isinstance(exc, ConnectError):
            self._fail_waiting(exc)
        else:
            self._grow()

    async def _check(self, connection: Connection, since: float) -> None:
        try:
            await connection.execute("SELECT 1", (), CLEAN_SECONDS)
        except EctypeError:
            connection.terminate()
        except asyncio.CancelledError:
            connection.terminate()
            self._forget(connection, "closed")
            raise
        if connection.broken:
            self._drop(connection)
        else:
            self._put(connection, since)

    async def _clean(self, connection: Connection, *, reset: bool) -> None:
        try:
            if connection.in_transaction:
                await connection.rollback(CLEAN_SECONDS)
            if reset and not connection.retired:
                await connection.reset(CLEAN_SECONDS)
                await self._opener.prepare(connection, self._options.connect_timeout)
        except EctypeError:
            connection.terminate()
        except asyncio.CancelledError:
            connection.terminate()
            self._forget(connection, "closed")
            raise
        if connection.broken or connection.in_transaction:
            connection.terminate()
            self._drop(connection)
        else:
            self._put(connection)

    def _put(self, connection: Connection, since: float | None = None) -> None:
        """Hand a clean connection to the call that has waited longest, or lay it on top of the idle ones."""
        if self._closed:
            self._forget(connection, "closed")
            self._start(connection.close(CLEAN_SECONDS))
            self._leave()
            return
        if connection.retired:
            self._start(connection.close(CLEAN_SECONDS))
            self._drop(connection, "retired")
            return
        now = monotonic()
        while self._waiting:
            waiter, wait = self._waiting.popitem(last=False)
            if waiter.done():
                continue
            waited = now - wait.since
            if self._control.refuses(now, waited):
                waiter.set_exception(self._refusal(now, waited))
                continue
            self._held[connection] = (now, wait.task, None, now if since is None else since)
            waiter.set_result(connection)
            return
        self._idle.append((connection, now))

    def _drop(self, connection: Connection, reason: str = "lost") -> None:
        self._forget(connection, reason)
        if self._closed:
            self._leave()
        elif self._waiting:
            self._grow()

    def _forget(self, connection: Connection, reason: str) -> None:
        if self._lives.pop(connection, None) is None:
            return
        self._warned.pop(connection, None)
        self._total -= 1
        self._lost_memory = self._adapter.single
        self._events.disconnected(reason, len(self._lives))

    def _distrust(self) -> None:
        """Have every idle connection checked before it is lent: what broke one may have broken all."""
        checked = monotonic() - self._idle_check - 0.001
        self._idle = [(connection, min(since, checked)) for connection, since in self._idle]

    def _retire(self, connection: Connection) -> None:
        """Close a connection now when it is idle, or when it comes back; nothing when it is gone."""
        if connection not in self._lives or self._closed:
            return
        connection.retired = True
        for place, (idle, _) in enumerate(self._idle):
            if idle is connection:
                del self._idle[place]
                self._put(connection)
                return

    def _reclaim(self, connection: Connection) -> None:
        held = self._held.pop(connection, None)
        if held is None:
            return
        connection.terminate()
        self._drop(connection, "leaked")
        self._events.leaked(_holder(held, monotonic()))

    # --- upkeep

    def _look_after_later(self) -> None:
        """Look after the connections in a while; the timer must not keep alive a pool that everybody has dropped."""
        assert self._home is not None  # it is called from there
        options, (least, most) = self._options, _LOOK_AFTER_SECONDS
        times = [one / 8 for one in (options.max_idle, options.max_lifetime, options.hold_warning) if one is not None]
        pool = weakref.ref(self)

        def look_after() -> None:
            alive = pool()
            if alive is not None:
                alive.look_after()

        self._upkeep = self._home.call_later(max(least, min([*times, most])), look_after, context=Context())

    def look_after(self) -> None:
        """Close what broke, has lain idle or has lived too long, and report what is held too long; the pool's timer."""
        if self._closed:
            return
        self._look_after_later()
        now = monotonic()
        self._close_idle(now)
        for connection, end in tuple(self._lives.items()):
            if now >= end and not connection.retired:
                self._retire(connection)
        longest = self._options.hold_warning
        if longest is None:
            return
        for connection, held in tuple(self._held.items()):
            since, _, taken, _ = held
            if taken is not None and now - since > longest and self._warned.get(connection) != since:
                self._warned[connection] = since
                self._events.held(_holder(held, now))

    def _close_idle(self, now: float) -> None:
        """Forget idle connections that broke, and close those that nobody has needed for long, all but one."""
        longest = self._options.max_idle
        for place in reversed(range(len(self._idle))):
            connection, _ = self._idle[place]
            if connection.broken:
                del self._idle[place]
                self._forget(connection, "lost")
        # The one used last lies on top.
        while longest is not None and len(self._lives) > 1 and self._idle and now - self._idle[0][1] > longest:
            connection, _ = self._idle.pop(0)
            self._forget(connection, "idle")
            self._start(connection.close(CLEAN_SECONDS))

    def _leave(self) -> None:
        """Note that a connection has come back to a pool that is closing."""
        if self._drained is not None and not self._held and not self._drained.done():
            self._drained.set_result(None)

    def _expire(self, waiter: Future[Connection]) -> None:
        wait = self._waiting.get(waiter)
        if wait is None or waiter.done():
            return
        late = monotonic() - wait.since - wait.seconds
        waiter.set_exception(self._late(wait.seconds, wait.task, late))

    def _late(self, waited: float, task: Task[Any] | None, late: float = 0.0) -> Exception:
        own = task is not None and any(_task_of(held) is task for held in self._held.values())
        error = timed_out(self._report(monotonic()), url=self._adapter.url, waited=waited, own=own, late=late)
        self._events.timeout(error, waited, refused=waited == 0)
        return error

    def _refusal(self, now: float, waited: float) -> Exception:
        made, text = self._busy
        if now - made > _TEXT_SECONDS:
            text = busy(self._report(now), self._adapter.url)
            self._busy = now, text
        error = refused(text, name=self._name, size=self._size, waited=waited)
        self._events.timeout(error, waited, refused=True)
        return error

    def _fail_waiting(self, exc: Exception) -> None:
        while self._waiting:
            waiter, _ = self._waiting.popitem(last=False)
            if not waiter.done():
                waiter.set_exception(copy_of(exc))

    def _start(self, work: Coroutine[Any, Any, None]) -> Task[None]:
        assert self._home is not None  # nothing is started before the first `acquire`
        # In a context of its own: what the first caller keeps in its context must not live on in the pool.
        task = self._home.create_task(work, context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def _let_end(making: set[Task[None]], end: float) -> None:
    """Let connections that are being made get there: a driver that is cut just then complains in the log."""
    if making:
        await asyncio.wait(making, timeout=min(MAKE_SECONDS, max(0.0, end - monotonic())))
    for task in making:
        task.cancel()


def _is_running(home: AbstractEventLoop) -> bool:
    try:
        return get_running_loop() is home
    except RuntimeError:
        # In a forked child there is none, and outside of any loop neither.
        return False


def _holder(held: _Held, now: float) -> Holder:
    since, _, taken, _ = held
    task = _task_of(held)
    name = "no task" if task is None else task.get_name()
    return Holder(
        name=name if taken is None else taken.name,
        seconds=now - since,
        taken_at=None if taken is None else call_site.text(taken.site),
        now_at=call_site.text(call_site.of_task(task)),
    )


def _task_of(held: _Held) -> Task[Any] | None:
    return held[1] if held[2] is None else held[2].task()

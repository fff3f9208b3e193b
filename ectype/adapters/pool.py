"""A bounded pool of connections: the last one used goes out first, the first call to wait is served first."""
# the deadline is a parameter of every method of the contract

import asyncio
import os
import random
from asyncio import AbstractEventLoop, Future, Task, current_task, get_running_loop
from collections import OrderedDict
from collections.abc import Coroutine
from contextvars import Context
from time import monotonic
from typing import Any, NamedTuple, TypeAlias

from ectype.adapters.base import Adapter, Connection
from ectype.adapters.pool_report import Holder, PoolReport, refused, timed_out
from ectype.adapters.queue_control import QueueControl
from ectype.errors import ConfigError, ConnectError, EctypeError

CONNECT_SECONDS = 5.0
CLEAN_SECONDS = 1.0
"""How long a rollback, a reset or a check of a connection may take before it is cut."""
IDLE_CHECK_SECONDS = 5.0
"""A connection that lay idle for longer is asked whether the server is still there before it goes out."""
_BACKOFF_SECONDS = (0.05, 0.5)


_Held: TypeAlias = tuple[float, Task[Any] | None]
"""Since when a connection is out, and with which task. A plain tuple: one is made at every checkout."""


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
        "_adapter",
        "_cleaning",
        "_closed",
        "_connect_seconds",
        "_control",
        "_drained",
        "_failure",
        "_failures",
        "_held",
        "_home",
        "_idle",
        "_idle_check",
        "_lost_memory",
        "_opening",
        "_pid",
        "_queue_interval",
        "_queue_target",
        "_size",
        "_tasks",
        "_total",
        "_waiting",
    )

    def __init__(
        self,
        adapter: Adapter,
        *,
        size: int = 10,
        queue_target: float = 0.05,
        queue_interval: float = 2.0,
        connect_timeout: float = CONNECT_SECONDS,
        idle_check: float = IDLE_CHECK_SECONDS,
    ) -> None:
        """Make an empty pool. All times are in seconds.

        Args:
            adapter: makes the connections.
            size: how many there may be; 1 whatever it says when the adapter can only make one.
            queue_target: how long a call may wait when the pool is not overloaded.
            queue_interval: for how long all calls must have waited longer before calls are refused.
            connect_timeout: how long making one connection may take.
            idle_check: how long a connection may lie idle and go out unchecked.

        Raises:
            ConfigError: `size` is below 1.
        """
        if size < 1:
            raise ConfigError(f"pool_size is {size}", hint="a pool has one connection at least")
        self._adapter = adapter
        self._size = 1 if adapter.single else size
        self._queue_target = queue_target
        self._queue_interval = queue_interval
        self._connect_seconds = connect_timeout
        self._idle_check = idle_check
        self._control = QueueControl(queue_target, queue_interval)
        self._idle: list[tuple[Connection, float]] = []
        self._held: dict[Connection, _Held] = {}
        self._waiting: OrderedDict[Future[Connection], _Wait] = OrderedDict()
        self._tasks: set[Task[None]] = set()
        self._cleaning: set[Task[None]] = set()
        self._total = 0
        self._opening = 0
        self._lost_memory = False
        self._failures = 0
        self._failure: ConnectError | None = None
        self._home: AbstractEventLoop | None = None
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
            raise self._away()
        connection, since = idle[-1]
        now = monotonic()
        if now - since > self._idle_check:
            return None
        idle.pop()
        if connection.broken:
            self._forget()
            return self.try_acquire()
        self._held[connection] = (now, current_task(home))
        return connection

    async def acquire(self, timeout: float) -> Connection:
        """Return a connection, waiting for one in turn.

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
            self._drop()
        elif reset or connection.in_transaction:
            self._cleaning.add(cleaning := self._start(self._clean(connection, reset=reset)))
            cleaning.add_done_callback(self._cleaning.discard)
        elif self._waiting or self._closed:
            self._put(connection)
        else:
            # It has proved itself since it went out, at the least.
            self._idle.append((connection, held[0]))

    def report(self) -> PoolReport:
        """Return what the pool is doing now."""
        now = monotonic()
        holders = sorted((_holder(held, now) for held in self._held.values()), key=lambda one: -one.seconds)
        return PoolReport(
            size=self._size,
            idle=len(self._idle),
            in_use=len(self._held),
            opening=self._total - len(self._idle) - len(self._held),
            waiting=sum(not waiter.done() for waiter in self._waiting),
            holders=tuple(holders),
            failure=None if self._failure is None else self._failure.message,
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
            raise self._away()
        self._closed = True
        end = monotonic() + timeout
        self._fail_waiting(ConnectError(f"the pool to {self._adapter.url} was closed while the call waited"))
        for task in self._tasks - self._cleaning:
            task.cancel()
        try:
            idle, self._idle = self._idle, []
            await asyncio.gather(*(connection.close(timeout) for connection, _ in idle))
            await self._drain(end)
        finally:
            for connection in self._held:
                connection.terminate()
            self._held.clear()
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
            raise ConnectError(
                f"the pool to {self._adapter.url} is closed", hint="use the repo inside `async with repo:`"
            )
        if self._home is None:
            self._home = get_running_loop()
            self._pid = os.getpid()
        elif not _is_running(self._home):
            raise self._away()

    def _away(self) -> ConnectError:
        if os.getpid() != self._pid:
            return ConnectError(
                f"the pool to {self._adapter.url} was opened in process {self._pid} and is used in {os.getpid()}, "
                "after a fork",
                hint="open the repo in each process, after the fork: two processes on one connection mix their answers",
            )
        return ConnectError(
            f"the pool to {self._adapter.url} belongs to another event loop",
            hint="use a repo in the event loop that opened it: one `asyncio.run` around all, or a repo for each",
        )

    def _gone(self) -> ConnectError:
        return ConnectError(
            f"the database of {self._adapter.url} was lost with its only connection, which broke",
            hint="open a new repo, and fill it anew; a file outlives its connections",
        )

    def _serve_stale_or_grow(self) -> None:
        if self._idle:
            connection, _ = self._idle.pop()
            self._start(self._check(connection))
        else:
            self._grow()

    def _grow(self) -> None:
        """Open as many connections as calls wait for, one at a time while the server refuses."""
        if self._lost_memory:
            self._fail_waiting(self._gone())
            return
        wanted = min(len(self._waiting) - self._opening, self._size - self._total)
        if self._failures:
            wanted = min(wanted, 1 - self._opening)
        for _ in range(wanted):
            self._opening += 1
            self._total += 1
            self._start(self._open())

    async def _open(self) -> None:
        try:
            if self._failures:
                await asyncio.sleep(_backoff(self._failures))
            connection = await self._adapter.connect(self._connect_seconds)
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
            self._failures = 0
            self._failure = None
            self._put(connection)
            self._grow()

    def _not_opened(self, exc: Exception) -> None:
        self._failures += 1
        if isinstance(exc, ConnectError):
            self._failure = exc
        # While others are out, their release serves those who wait; an error that waiting cannot mend is told at once.
        if self._total == 0 or not isinstance(exc, ConnectError):
            self._fail_waiting(exc)
        else:
            self._grow()

    async def _check(self, connection: Connection) -> None:
        try:
            await connection.execute("SELECT 1", (), CLEAN_SECONDS)
        except EctypeError:
            connection.terminate()
        except asyncio.CancelledError:
            connection.terminate()
            self._total -= 1
            raise
        if connection.broken:
            self._drop()
        else:
            self._put(connection)

    async def _clean(self, connection: Connection, *, reset: bool) -> None:
        try:
            if connection.in_transaction:
                await connection.rollback(CLEAN_SECONDS)
            if reset:
                await connection.reset(CLEAN_SECONDS)
        except EctypeError:
            connection.terminate()
        except asyncio.CancelledError:
            connection.terminate()
            self._total -= 1
            raise
        if connection.broken or connection.in_transaction:
            connection.terminate()
            self._drop()
        else:
            self._put(connection)

    def _put(self, connection: Connection) -> None:
        """Hand a clean connection to the call that has waited longest, or lay it on top of the idle ones."""
        if self._closed:
            self._start(connection.close(CLEAN_SECONDS))
            self._leave()
            return
        now = monotonic()
        while self._waiting:
            waiter, wait = self._waiting.popitem(last=False)
            if waiter.done():
                continue
            waited = now - wait.since
            if self._control.refuses(now, waited):
                waiter.set_exception(self._refusal(waited))
                continue
            self._held[connection] = (now, wait.task)
            waiter.set_result(connection)
            return
        self._idle.append((connection, now))

    def _drop(self) -> None:
        if self._closed:
            self._leave()
            return
        self._forget()
        if self._waiting:
            self._grow()

    def _forget(self) -> None:
        self._total -= 1
        self._lost_memory = self._adapter.single

    def _leave(self) -> None:
        """Note that a connection has come back to a pool that is closing."""
        if self._drained is not None and not self._held and not self._drained.done():
            self._drained.set_result(None)

    def _expire(self, waiter: Future[Connection]) -> None:
        wait = self._waiting.get(waiter)
        if wait is None or waiter.done():
            return
        own = wait.task is not None and any(task is wait.task for _, task in self._held.values())
        waiter.set_exception(timed_out(self.report(), url=self._adapter.url, waited=wait.seconds, own=own))

    def _refusal(self, waited: float) -> Exception:
        return refused(
            self.report(),
            url=self._adapter.url,
            waited=waited,
            target=self._queue_target,
            interval=self._queue_interval,
        )

    def _fail_waiting(self, exc: Exception) -> None:
        while self._waiting:
            waiter, _ = self._waiting.popitem(last=False)
            if not waiter.done():
                waiter.set_exception(_copy(exc))

    def _start(self, work: Coroutine[Any, Any, None]) -> Task[None]:
        assert self._home is not None  # nothing is started before the first `acquire`
        # In a context of its own: what the first caller keeps in its context must not live on in the pool.
        task = self._home.create_task(work, context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _is_running(home: AbstractEventLoop) -> bool:
    try:
        return get_running_loop() is home
    except RuntimeError:
        # In a forked child there is none, and outside of any loop neither.
        return False


def _holder(held: _Held, now: float) -> Holder:
    since, task = held
    return Holder(name="no task" if task is None else task.get_name(), seconds=now - since)


def _backoff(failures: int) -> float:
    least, most = _BACKOFF_SECONDS
    # Not for secrets: it keeps many processes from knocking at once.
    return min(most, least * 2 ** min(failures, 10)) * random.uniform(0.5, 1.0)


def _copy(exc: Exception) -> Exception:
    """Return the error anew: one instance raised by several tasks would gather all their tracebacks."""
    if not isinstance(exc, EctypeError):
        return exc
    copy = exc.__class__(exc.message, hint=exc.hint)
    copy.__cause__ = exc.__cause__
    return copy

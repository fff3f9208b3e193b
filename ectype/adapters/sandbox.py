"""The sandbox of tests: every statement belongs to an owner, whose work is undone at the end. Task-local state is here.

An owner is found by the ContextVar that `sandbox` sets, by `owner.allow(…)`, or by the header that a request carries;
never by guess. On PostgreSQL an owner is one connection in a transaction, on SQLite a copy of the database.
"""

from __future__ import annotations

# the deadline is a parameter of every method of the contract
import asyncio
import time
from asyncio import Task
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from secrets import token_bytes
from typing import Any, Protocol, Unpack, cast, get_args, runtime_checkable
from weakref import WeakKeyDictionary

from ectype.adapters import sandbox_token
from ectype.adapters.base import Adapter, Begin, Connection, Isolation
from ectype.adapters.call_site import Site
from ectype.adapters.connections import Connections
from ectype.adapters.pool import Pool
from ectype.adapters.pool_options import SizedKeywords
from ectype.adapters.pool_report import PoolReport
from ectype.adapters.sandbox_blockers import MARK, application_name, blockers
from ectype.adapters.sandbox_lanes import NEVER_SECONDS, Lane, in_a_transaction, on_a_copy
from ectype.adapters.sandbox_notifications import OwnedListener
from ectype.adapters.sandbox_owner import OWNER_SECONDS, Owner, current_task, here, running_test, task_name
from ectype.adapters.sandbox_refusals import crowded, nobody, waited, waits_for_itself
from ectype.errors import ConfigError, ConnectError, EctypeError, OwnershipError, PoolTimeoutError, did_you_mean

_owners: ContextVar[tuple[Owner, ...]] = ContextVar("ectype_sandbox_owners", default=())


@runtime_checkable
class HasConnections(Protocol):
    """A repo, as far as the sandbox knows it."""

    @property
    def pool(self) -> Connections:
        """Where its statements find their connections."""
        ...


class Sandbox:
    """The connections of a `Repo(url, sandbox=True)`: those of the owner that a statement belongs to.

    Attributes:
        key: signs the headers of its owners.
    """

    def __init__(self, adapter: Adapter, *, name: str = "repo", **options: Unpack[SizedKeywords]) -> None:
        """Make a sandbox without owners; nothing is connected yet.

        Args:
            adapter: the database that the tests share, or the template that is copied for each.
            name: what the pool is called in events and errors.
            options: those of `PoolOptions`: `size` is how many owners may live at once, and how many connections a
                copy may have. Nobody is refused because others are slow.

        Raises:
            ConfigError: the database lives in memory, so that there is nothing to copy.
        """
        if adapter.single:
            raise ConfigError(
                f"{adapter.url} cannot be a sandbox: it ends with its connection, so that no test could have a copy",
                hint='write the tables into a file once, as "sqlite:///test.db"; each test works on a copy of it',
            )
        self.key = token_bytes(32)
        self._adapter = adapter
        # A test that waits for its turn is no overload.
        self._options: SizedKeywords = {**options, "queue_target": NEVER_SECONDS}
        self._size = options.get("size", 10)
        self._connections = Pool(adapter, name=name, **self._options)
        self._owners: dict[str, Owner] = {}
        self._out: dict[Connection, tuple[Owner, Task[Any] | None]] = {}
        self._tasks: WeakKeyDictionary[Task[Any], Owner] = WeakKeyDictionary()
        self._names: dict[str, Owner] = {}
        self._shared: Owner | None = None
        self._copies: asyncio.Semaphore | None = None
        self._closed = False

    # --- what a session asks

    @property
    def single(self) -> bool:
        """Whether the owner has one connection only."""
        return self.owner().lane.alone

    def try_acquire(self) -> Connection | None:
        """Return a free connection of the owner, or None when `acquire` has to be awaited."""
        owner = self.owner()
        connection = owner.lane.pool.try_acquire()
        if connection is not None:
            self._out[connection] = (owner, asyncio.current_task())
        return connection

    async def acquire(self, timeout: float) -> Connection:
        """Return a connection of the owner, waiting for one in turn.

        Raises:
            OwnershipError: no owner, or one that has ended.
            PoolTimeoutError: the owner's connection is held by others, or by this task itself.
            ConnectError: it was lost.
        """
        owner = self.owner()
        lane = owner.lane
        task = asyncio.current_task()
        if lane.alone and any(holder is owner and held_by is task for holder, held_by in self._out.values()):
            raise waits_for_itself(owner.label)
        try:
            connection = await lane.pool.acquire(timeout)
        except (PoolTimeoutError, ConnectError) as exc:
            ended = owner.ended_error()
            if ended is not None:
                raise ended from exc
            if lane.alone and isinstance(exc, PoolTimeoutError):
                raise waited(owner.label, lane.pool.report(), timeout) from exc
            raise
        self._out[connection] = (owner, task)
        return connection

    def release(self, connection: Connection, *, reset: bool = False) -> None:
        """Take a connection back."""
        lent = self._out.pop(connection, None)
        if lent is None:
            raise EctypeError("a connection was released that is not out", hint="release each connection once")
        lent[0].give_back(connection, reset=reset)

    def idle_of(self, connection: Connection) -> float | None:
        """Return how long a connection that is out had lain idle before, in seconds."""
        lent = self._out.get(connection)
        return None if lent is None else lent[0].lane.pool.idle_of(connection)

    def begin_text(self, how: Begin) -> str:
        """Return the statement that opens a transaction, outside of tests."""
        return self._adapter.begin_text(how)

    def note_site(self, connection: Connection, site: Site | None) -> None:
        """Note where a connection that is out was taken."""
        self._out[connection][0].lane.pool.note_site(connection, site)

    def reclaim(self, connection: Connection) -> None:
        """Cut a connection whose holder is gone; callable from any thread."""
        lent = self._out.pop(connection, None)
        if lent is not None:
            lent[0].lane.pool.reclaim(connection)

    def disconnect_all(self, *, within: float = 0.0) -> None:
        """Replace the connections of the owners that begin from now on."""
        self._connections.disconnect_all(within=within)

    async def open(self, timeout: float) -> None:
        """Reach the database once."""
        await self._connections.open(timeout)

    def report(self) -> PoolReport:
        """Return what the connections of the owner that works here are doing."""
        return self.owner().lane.pool.report()

    def listener(self, channels: tuple[str, ...], room: int) -> OwnedListener | None:
        """Return what hears the notifications of the owner that works here; None for databases that are copied."""
        return OwnedListener(self.owner, channels, room=room) if self._adapter.copier is None else None

    async def close(self, timeout: float = 5.0) -> None:
        """End all owners, and close every connection."""
        self._closed = True
        await asyncio.gather(*(owner.stop() for owner in list(self._owners.values())))
        await self._connections.close(timeout)

    # --- owners

    def owner(self) -> Owner:
        """Return whom the statements of the current task belong to.

        Raises:
            OwnershipError: to nobody, or to one that has ended.
        """
        task = current_task()
        owner = self._allowed(task)
        if owner is not None:
            if owner not in _owners.get():
                # So that what the task starts from now on works for the same owner.
                work_for(owner)
            return owner
        owner = next((one for one in reversed(_owners.get()) if one.belongs_to(self)), self._shared)
        if owner is None:
            raise nobody(self._adapter.url, [owner.name for owner in self._owners.values()])
        return owner

    async def start(self, *, name: str | None, shared: bool, isolation: Isolation | None, timeout: float) -> Owner:
        """Return a new owner. `sandbox` says what the arguments are; whoever starts one stops it."""
        if self._closed:
            raise ConnectError(
                f"the sandbox of {self._adapter.url} is closed", hint="use the repo inside `async with repo:`"
            )
        owner = Owner(self, name or running_test() or task_name(), shared=shared, seconds=timeout)
        if shared:
            if self._shared is not None:
                raise OwnershipError(
                    f"{self._shared.label} is shared already, so that a task without an owner would belong to two",
                    hint="end that one first, or open this one without `shared=True` and `allow` its tasks",
                )
            self._shared = owner
        self._owners[owner.id] = owner
        try:
            await owner.start(isolation)
        except BaseException as exc:
            self.forget(owner)
            if isinstance(exc, PoolTimeoutError):
                others = [one.name for one in self._owners.values() if one is not owner]
                raise crowded(owner.label, others, self._size, timeout) from exc
            raise
        return owner

    async def lane(self, owner: Owner, isolation: Isolation | None, timeout: float) -> Lane:
        """Return the connections for a new owner."""
        copier = self._adapter.copier
        if copier is not None:
            return await on_a_copy(
                copier, owner, self._turn, isolation=isolation, timeout=timeout, options=self._options
            )
        return await in_a_transaction(
            self._connections,
            self._adapter,
            owner,
            isolation=isolation,
            timeout=timeout,
            name=application_name(owner.name),
        )

    def enter(self, owner: Owner) -> None:
        """Let the current task work for an owner. Raises OwnershipError inside a transaction of another one."""
        self.refuse_inside(owner)
        work_for(owner)

    def leave(self, owner: Owner) -> None:
        """Let it work for whom it worked before."""
        leave(owner)

    def allow(self, owner: Owner, who: Task[Any] | str, *, reassign: bool) -> None:
        """Remember that a task, or a name of tasks, works for an owner."""
        known = self._names.get(who) if isinstance(who, str) else self._tasks.get(who)
        if known is not None and known is not owner and not reassign:
            name = who if isinstance(who, str) else who.get_name()
            raise OwnershipError(
                f"the task `{name}` works for {known.label} already",
                hint="say `owner.allow(…, reassign=True)` to take it, or give tasks of two tests two names",
            )
        if isinstance(who, str):
            self._names[who] = owner
        else:
            self._tasks[who] = owner

    def forget(self, owner: Owner) -> None:
        """Drop all that leads to an owner that has ended."""
        self._owners.pop(owner.id, None)
        for allowed in (self._tasks, self._names):
            for who in [who for who, one in allowed.items() if one is owner]:
                del allowed[who]  # pyright: ignore[reportArgumentType]  # it came out of this very mapping
        if self._shared is owner:
            self._shared = None

    def find(self, owner: str) -> Owner:
        """Return the owner that a header names. Raises OwnershipError when it has ended."""
        found = self._owners.get(owner)
        if found is None:
            raise OwnershipError(
                "the owner that the header names has ended", hint="call `owner.header()` anew in each test"
            )
        return found

    def refuse_inside(self, owner: Owner | None) -> None:
        """Raise OwnershipError in a task that holds a connection of another owner: its transaction would win."""
        task = current_task()
        for holder, held_by in self._out.values():
            if held_by is task and holder is not owner:
                raise OwnershipError(
                    f"{here()} is inside an open transaction of {holder.label}, and cannot work for another owner",
                    hint="open the owner first, and the transaction inside it",
                )

    def labels(self) -> dict[int | None, str]:
        """Return the owners that live, by the server process that works for each."""
        return {owner.pid(): owner.label for owner in self._owners.values()}

    async def blockers(self, pid: int) -> list[str]:
        """Return, in words, who holds what a server process waits for."""
        mine = self.labels()
        found: list[str] = []
        for other, name in await blockers(self._adapter, pid):
            if other in mine:
                found.append(mine[other])
            elif name.startswith(MARK):
                found.append(f"the owner `{name.removeprefix(MARK)}` of another process")
            else:
                found.append(f"process {other} ({name or 'without a name'}), which is outside the sandbox")
        return found

    def _allowed(self, task: Task[Any] | None) -> Owner | None:
        if task is None:
            return None
        return self._tasks.get(task) or self._names.get(task.get_name())

    async def _turn(self, timeout: float) -> Callable[[], None]:
        if self._copies is None:
            self._copies = asyncio.Semaphore(self._size)
        try:
            async with asyncio.timeout(timeout):
                await self._copies.acquire()
        except TimeoutError as exc:
            raise PoolTimeoutError(f"no owner ended within {timeout:g} s") from exc
        return self._copies.release


@asynccontextmanager
async def sandbox(
    repo: HasConnections,
    *,
    shared: bool = False,
    isolation: Isolation | None = None,
    timeout: float = OWNER_SECONDS,
    name: str | None = None,
) -> AsyncGenerator[Owner]:
    """Run the block as a test that shares the database with others: nothing that it does is there afterwards.

    All that the repo does in this task, and in the tasks that it starts, happens in one transaction (PostgreSQL) or on
    a copy of the database (SQLite), and is undone at the end. Owners live side by side: none sees another's rows.

    Args:
        repo: one that was made with `sandbox=True`.
        shared: whether tasks that have no owner work for this one. One owner at a time can be shared.
        isolation: the level of the transaction; None for the database's default.
        timeout: how many seconds to wait for a free connection, and how many the owner may live after that.
        name: what messages call the owner; None for the test that pytest runs, else for the task.

    Raises:
        ConfigError: the repo was made without `sandbox=True`, or an argument is out of range.
        OwnershipError: another owner is shared, or the task is inside a transaction of the repo.
        PoolTimeoutError: as many owners as the repo's `pool_size` lived through the whole time.
        UnsupportedError: SQLite's transactions are serializable.

    Example:
        async with sandbox(repo) as owner:
            await repo.insert(User(name="Ada"))
    """
    pool = sandbox_of(repo)
    if isolation is not None and isolation not in (levels := get_args(Isolation)):
        raise ConfigError(f"isolation={isolation!r} is no isolation level", hint=did_you_mean(str(isolation), levels))
    # Callers without a checker give what they like.
    if not isinstance(timeout, (int, float)) or not 0 < timeout <= NEVER_SECONDS:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigError(
            f"timeout={timeout!r} is no time that an owner could live", hint="give it some seconds, as timeout=60"
        )
    pool.refuse_inside(None)
    owner = await pool.start(name=name, shared=shared, isolation=isolation, timeout=timeout)
    work_for(owner)
    try:
        yield owner
    finally:
        leave(owner)
        await owner.stop()


def sandbox_of(repo: HasConnections) -> Sandbox:
    """Return the sandbox of a repo. Raises ConfigError when it was made without `sandbox=True`."""
    if not isinstance(getattr(repo, "pool", None), Sandbox):
        raise ConfigError(
            f"{repo!r} is no sandbox: what it does is stored", hint="make it for tests: `Repo(url, sandbox=True)`"
        )
    return cast("Sandbox", repo.pool)


def owners_in(repos: Iterable[HasConnections], header: str) -> list[Owner]:
    """Return the owners that a request's header names, of one repo or several.

    Raises:
        OwnershipError: it names none, was not signed by one of these repos, has expired, or an owner has ended.
    """
    pools = {pool.key: pool for pool in map(sandbox_of, repos)}
    return [pool.find(owner) for pool, owner in sandbox_token.read(pools, header, time.time())]


def owner_here(repo: HasConnections) -> Owner | None:
    """Return whom a statement of the repo would belong to here; None for nobody, and for a repo without sandbox."""
    try:
        return repo.pool.owner() if isinstance(repo.pool, Sandbox) else None
    except OwnershipError:
        return None


def work_for(owner: Owner) -> None:
    """Let this task, and those that it starts, work for an owner."""
    _owners.set((*_owners.get(), owner))


def leave(owner: Owner) -> None:
    """Let this task work for whom it worked before."""
    before = list(_owners.get())
    if owner in before:
        del before[len(before) - 1 - before[::-1].index(owner)]
        _owners.set(tuple(before))

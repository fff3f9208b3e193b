"""The sandbox of tests: every statement belongs to an owner, whose work is undone at the end. Task-local state is here.

An owner is found by the ContextVar that `sandbox` sets, by `owner.allow(…)`, or by the header that a request carries;
never by guess. On PostgreSQL an owner is one connection in a transaction, on SQLite a copy of the database.
"""
# the deadline is a parameter of every method of the contract

import asyncio
import os
import time
from asyncio import Task, TimerHandle
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from secrets import token_bytes, token_hex
from typing import Any, Protocol, Unpack, cast, get_args, runtime_checkable
from weakref import WeakKeyDictionary

from ectype.adapters import sandbox_token
from ectype.adapters.base import Adapter, Begin, Connection, Isolation
from ectype.adapters.call_site import Site
from ectype.adapters.connections import Connections
from ectype.adapters.pool import Pool
from ectype.adapters.pool_options import SizedKeywords
from ectype.adapters.pool_report import PoolReport
from ectype.adapters.sandbox_blockers import MARK, Watch, application_name, blockers, deadlocked
from ectype.adapters.sandbox_lanes import NEVER_SECONDS, Lane, TransactionLane, in_a_transaction, on_a_copy
from ectype.errors import (
    ConfigError,
    ConnectError,
    DatabaseError,
    EctypeError,
    OwnershipError,
    PoolTimeoutError,
    did_you_mean,
)

OWNER_SECONDS = 120.0
"""How long a test may wait for its owner, and how long its owner may live after that."""
GRACE_SECONDS = 1.0
"""How long the end of an owner waits for a statement that still runs."""

_owners: ContextVar[tuple["Owner", ...]] = ContextVar("ectype_sandbox_owners", default=())


@runtime_checkable
class HasConnections(Protocol):
    """A repo, as far as the sandbox knows it."""

    @property
    def pool(self) -> Connections:
        """Where its statements find their connections."""
        ...


class Owner:
    """Whose connection a test works on, and who else may. `async with sandbox(repo) as owner:` makes one.

    Attributes:
        id: what the header calls it.
        name: the test, or the task, that opened it.
        shared: whether tasks without an owner work for this one.
        isolation: the level of its transaction.
    """

    def __init__(self, sandbox: "Sandbox", name: str, *, shared: bool, seconds: float) -> None:
        self.id = token_hex(8)
        self.name = name
        self.shared = shared
        self._sandbox = sandbox
        self._seconds = seconds
        self._lane: Lane | None = None
        self._expires = 0.0
        self._bell: TimerHandle | None = None
        self._end: Task[None] | None = None
        self._over: str | None = None
        self._fix = ""

    def __repr__(self) -> str:
        return f"<Owner {self.name!r}{'' if self._over is None else ', ' + self._over}>"

    @property
    def label(self) -> str:
        """What messages call it."""
        return f"the owner `{self.name}`"

    @property
    def isolation(self) -> str:
        """The isolation of its transactions."""
        return self.lane.isolation

    @property
    def lane(self) -> Lane:
        """Its connections. Raises OwnershipError when it has none, or none any more."""
        ended = self.ended_error()
        if ended is not None:
            raise ended
        assert self._lane is not None  # it is started before anybody sees it
        return self._lane

    def allow(self, who: "Task[Any] | str", *, reassign: bool = False) -> None:
        """Let a task that was started elsewhere work for this owner, and what it starts after its first statement.

        Args:
            who: the task, or the name that a task has or will have.
            reassign: whether to take it from another owner that lives.

        Raises:
            OwnershipError: this owner has ended, or the task works for another one.

        Example:
            `owner.allow("mailer")` beside `asyncio.create_task(mailer(), name="mailer")`
        """
        _ = self.lane
        if not isinstance(who, (str, Task)):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers give what they like
            raise ConfigError(
                f"`allow` takes a task or the name of one, got {who!r:.80}",
                hint='`owner.allow(asyncio.create_task(work()))`, or `owner.allow("name")`',
            )
        self._sandbox.allow(self, who, reassign=reassign)

    @contextmanager
    def active(self) -> Generator[None]:
        """Let the code of the block, and the tasks that it starts, work for this owner.

        Raises:
            OwnershipError: it has ended, or the task is inside an open transaction of another owner.
        """
        _ = self.lane
        self._sandbox.refuse_inside(self)
        work_for(self)
        try:
            yield
        finally:
            leave(self)

    def header(self) -> str:
        """Return the value of a header that makes a request work for this owner, until the owner ends.

        `SandboxMiddleware` reads it. It may stand in a header of its own, or at the end of a User-Agent.
        """
        _ = self.lane
        return sandbox_token.sign(self._sandbox.key, self.id, int(self._expires) + 1)

    async def stop(self) -> None:
        """Undo all that was done for this owner, and give back what it holds. It is no error to stop twice.

        A statement that still runs is waited for, a second at most; then it is cut, and raises OwnershipError.
        """
        await self._finish("has ended", "await or cancel the task before the end of its test", GRACE_SECONDS)

    def ended_error(self) -> EctypeError | None:
        """Return the error for a statement that comes after the end; None while this owner lives."""
        if self._over is None:
            return None
        return OwnershipError(f"{self.label} {self._over}, and {_here()} still works for it", hint=self._fix)

    def belongs_to(self, sandbox: "Sandbox") -> bool:
        """Whether it is an owner of this repo's."""
        return self._sandbox is sandbox

    def pid(self) -> int | None:
        """Return the server's process that works for it; None where there is none."""
        return None if self._lane is None else self._lane.pid

    def give_back(self, connection: Connection, *, reset: bool) -> None:
        """Take a connection back; after the end there is nothing to take."""
        assert self._lane is not None  # the connection came from there
        self._lane.pool.release(connection, reset=reset)

    def watch(self, timeout: float) -> Watch:
        """Look, before the deadline of a statement, which owners it waits for."""
        return Watch(timeout, self.label, self._blockers)

    def deadlocked(self, exc: DatabaseError) -> EctypeError:
        """Return the error of a deadlock, with the names of the owners in it."""
        return deadlocked(exc, self._sandbox.labels())

    async def introduce(self) -> None:
        """Tell the server whose connection this is."""
        if isinstance(self._lane, TransactionLane):
            await self._lane.introduce(application_name(self.name))

    async def start(self, isolation: Isolation | None) -> None:
        """Take a connection, or make the copy; from now on the time counts."""
        self._lane = await self._sandbox.lane(self, isolation, self._seconds)
        self._expires = time.time() + self._seconds
        loop = asyncio.get_running_loop()
        self._bell = loop.call_later(self._seconds, self._expire)

    def _expire(self) -> None:
        fix = "give `sandbox(repo, timeout=…)` more seconds, or look for what the test waits for"
        self._end = asyncio.ensure_future(self._finish(f"has lived its {self._seconds:g} s", fix, 0.0))

    async def _finish(self, over: str, fix: str, grace: float) -> None:
        if self._over is not None:
            if self._end is not None and self._end is not asyncio.current_task():
                await asyncio.wait({self._end})
            return
        self._over, self._fix = over, fix
        if self._bell is not None:
            self._bell.cancel()
        self._sandbox.forget(self)
        if self._lane is not None:
            await self._lane.end(grace)

    async def _blockers(self) -> list[str]:
        pid = self.lane.pid
        return [] if pid is None else await self._sandbox.blockers(pid)


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
            raise _waits_for_itself(owner)
        try:
            connection = await lane.pool.acquire(timeout)
        except (PoolTimeoutError, ConnectError) as exc:
            ended = owner.ended_error()
            if ended is not None:
                raise ended from exc
            if lane.alone and isinstance(exc, PoolTimeoutError):
                raise _waited(owner, lane.pool.report(), timeout) from exc
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
        task = _task()
        owner = self._allowed(task)
        if owner is not None:
            if owner not in _owners.get():
                # So that what the task starts from now on works for the same owner.
                work_for(owner)
            return owner
        owner = next((one for one in reversed(_owners.get()) if one.belongs_to(self)), self._shared)
        if owner is None:
            raise self._nobody()
        return owner

    async def start(self, *, name: str | None, shared: bool, isolation: Isolation | None, timeout: float) -> Owner:
        """Return a new owner. `sandbox` says what the arguments are; whoever starts one stops it."""
        if self._closed:
            raise ConnectError(
                f"the sandbox of {self._adapter.url} is closed", hint="use the repo inside `async with repo:`"
            )
        owner = Owner(self, name or _test() or _task_name(), shared=shared, seconds=timeout)
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
                raise self._crowded(owner, timeout) from exc
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

    def allow(self, owner: Owner, who: "Task[Any] | str", *, reassign: bool) -> None:
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
        task = _task()
        for holder, held_by in self._out.values():
            if held_by is task and holder is not owner:
                raise OwnershipError(
                    f"{_here()} is inside an open transaction of {holder.label}, and cannot work for another owner",
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

    def _nobody(self) -> OwnershipError:
        alive = ", ".join(f"`{owner.name}`" for owner in self._owners.values()) or "none"
        return OwnershipError(
            f"a statement in the sandbox of {self._adapter.url} has no owner: {_here()} works for none "
            f"(owners that live now: {alive})",
            hint="open one around it, or let the task work for one:\n\n"
            "    async with sandbox(repo) as owner:      # this task, and those that it starts in the block\n"
            "        owner.allow(task)                   # a task that was started before, or by its name\n\n"
            "a request carries `owner.header()`; `sandbox(repo, shared=True)` takes every task that has no owner",
        )

    def _crowded(self, owner: Owner, timeout: float) -> PoolTimeoutError:
        others = [f"`{one.name}`" for one in self._owners.values() if one is not owner]
        return PoolTimeoutError(
            f"{owner.label} could not begin within {timeout:g} s: {self._size} may live at once, and there are "
            f"{', '.join(others[:5])}{' …' if len(others) > 5 else ''}",
            hint="end owners sooner, or make the repo with a larger `pool_size`",
        )

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


def _task() -> Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        # No event loop runs in this thread.
        return None


def _task_name() -> str:
    task = _task()
    return "no task" if task is None else task.get_name()


def _test() -> str | None:
    """Return the test that pytest runs, as `tests/test_posts.py::test_a_post_is_stored`."""
    # https://docs.pytest.org/en/stable/example/simple.html#pytest-current-test-environment-variable
    return os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0] or None


def _here() -> str:
    test = _test()
    return f"task `{_task_name()}`" + ("" if test is None else f", in the test `{test}`,")


def _waits_for_itself(owner: Owner) -> PoolTimeoutError:
    return PoolTimeoutError(
        f"task `{_task_name()}` asks for a second connection while it holds one, and {owner.label} has no other",
        hint="in the sandbox an owner has one connection: run the inner call inside the `transaction()` that is open, "
        "not under `repo.detached()`; a test of what two connections do to each other needs two owners",
    )


def _waited(owner: Owner, report: PoolReport, timeout: float) -> PoolTimeoutError:
    held = ", ".join(f"task `{holder.name}` for {holder.seconds:.1f} s" for holder in report.holders) or "no task"
    return PoolTimeoutError(
        f"task `{_task_name()}` waited {timeout:g} s for the connection of {owner.label}, held by {held}",
        hint="in the sandbox the tasks of an owner share one connection: a transaction that waits for another task "
        "waits for ever, unless that task was started inside it",
    )

"""Where an owner's connections come from: one connection in a transaction, or a copy of the whole database.

Either way they are lent by a pool of the owner's own, so that its tasks take turns as they do everywhere.
"""

from __future__ import annotations

# the deadline is a parameter of every method of the contract
import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, cast

from ectype.adapters.base import Adapter, Begin, Connection, Copier, Isolation
from ectype.adapters.pool import Pool
from ectype.adapters.pool_options import SizedKeywords
from ectype.adapters.sandbox_connection import OwnedConnection, Ownership, SandboxConnection
from ectype.adapters.steady import steadily
from ectype.errors import ConnectError, EctypeError, UnsupportedError
from ectype.sql.dialect import Dialect

NEVER_SECONDS = 31_536_000.0
"""A year: for what a pool does after a while, and one of the sandbox does not. A test that waits is no overload."""
_BEGIN_SECONDS = 5.0
_NAME_AND_LEVEL = (
    "SELECT pg_catalog.set_config('application_name', $1, true), pg_catalog.current_setting('transaction_isolation')"
)


class Lane(Protocol):
    """The connections of one owner, and their end."""

    pool: Pool
    alone: bool
    """Whether there is one connection only, so that a task that holds it and asks for another would wait for itself."""
    isolation: str
    pid: int | None
    """The server's process, where there is one."""

    async def end(self, grace: float) -> None:
        """Undo all, after waiting so long for statements under way."""
        ...


class _Served(Connection, Protocol):
    @property
    def server_pid(self) -> int: ...


class TransactionLane:
    """One connection, in a transaction that is rolled back."""

    alone = True

    def __init__(self, connections: Pool, inner: Connection, adapter: Adapter, owner: Ownership) -> None:
        self.isolation = ""
        self.pid: int | None = cast("_Served", inner).server_pid
        self.inner = inner
        self._connections = connections
        self._connection = SandboxConnection(inner, owner)
        self.pool = Pool(
            _OnlyOne(adapter, self._connection, owner), size=1, queue_target=NEVER_SECONDS, idle_check=NEVER_SECONDS
        )

    async def introduce(self, name: str) -> None:
        """Tell the server whose connection this is, and learn which isolation it has."""
        self.isolation = await self.inner.fetch(_NAME_AND_LEVEL, (name,), lambda rows: str(rows[0][1]), _BEGIN_SECONDS)

    async def end(self, grace: float) -> None:
        """Roll back, and give the connection to the next owner."""
        await steadily(self._end(grace))

    async def _end(self, grace: float) -> None:
        await self.pool.close(grace)
        try:
            if not self.inner.broken:
                await self.inner.rollback(_BEGIN_SECONDS)
        except EctypeError:
            self.inner.terminate()
        finally:
            self._connections.release(self.inner)


async def in_a_transaction(
    connections: Pool,
    adapter: Adapter,
    owner: Ownership,
    *,
    isolation: Isolation | None,
    timeout: float,
    name: str,
) -> TransactionLane:
    """Take a connection in turn, and begin the transaction that is rolled back at the end.

    Raises:
        PoolTimeoutError: none became free in time.
        ConnectError: the server cannot be reached.
    """
    inner = await connections.acquire(timeout)
    try:
        await inner.begin(Begin(isolation), _BEGIN_SECONDS)
        lane = TransactionLane(connections, inner, adapter, owner)
        await lane.introduce(name)
    except BaseException:
        connections.release(inner)
        raise
    return lane


class CopyLane:
    """The connections of a copy of the database, which is deleted."""

    alone = False
    isolation = "serializable"
    pid: int | None = None

    def __init__(self, pool: Pool, remove: Callable[[], None], give_back: Callable[[], None]) -> None:
        self.pool = pool
        self._remove = remove
        self._give_back = give_back

    async def end(self, grace: float) -> None:
        """Close the copy and delete it."""
        try:
            await steadily(self.pool.close(grace))
        finally:
            self._remove()
            self._give_back()


async def on_a_copy(
    copier: Copier,
    owner: Ownership,
    turn: Callable[[float], Awaitable[Callable[[], None]]],
    *,
    isolation: Isolation | None,
    timeout: float,
    options: SizedKeywords,
) -> CopyLane:
    """Copy the database as it is now, for one owner alone.

    Args:
        copier: makes the copies.
        owner: whose it will be.
        turn: waits until there may be one more owner, and returns what ends it.
        isolation: as of `sandbox`.
        timeout: how many seconds all of it may take.
        options: those of the pool of its connections.

    Raises:
        UnsupportedError: an isolation that a copy does not have.
    """
    if isolation not in (None, CopyLane.isolation):
        raise UnsupportedError(
            f"isolation={isolation!r} is not what the sandbox can do on {copier.database}: each owner has a copy of "
            f"the database, whose transactions are {CopyLane.isolation}",
            hint=f'leave `isolation=` out, or say "{CopyLane.isolation}"',
        )
    give_back = await turn(timeout)
    try:
        async with asyncio.timeout(timeout):
            adapter, remove = await copier.copy(timeout)
    except TimeoutError as exc:
        give_back()
        raise ConnectError(
            f"the template {copier.database} was not copied within {timeout:g} s", hint="make the template smaller"
        ) from exc
    except BaseException:
        give_back()
        raise
    return CopyLane(Pool(_Owned(adapter, owner), **options), remove, give_back)


class _Owned:
    """An adapter of a copy, whose connections know their owner."""

    copier: Copier | None = None

    def __init__(self, adapter: Adapter, owner: Ownership) -> None:
        self.database = adapter.database
        self.migrating = adapter.migrating
        self.url = adapter.url
        self.single = adapter.single
        self._adapter = adapter
        self._owner = owner

    def begin_text(self, how: Begin) -> str:
        return self._adapter.begin_text(how)

    @property
    def dialect(self) -> Dialect:
        return self._adapter.dialect

    async def connect(self, timeout: float) -> Connection:
        return OwnedConnection(await self._adapter.connect(timeout), self._owner)

    async def connect_session(self, timeout: float) -> Connection:
        return await self.connect(timeout)


class _OnlyOne:
    """An adapter with one connection to give, which is there already."""

    single = False
    copier: Copier | None = None

    def __init__(self, adapter: Adapter, connection: SandboxConnection, owner: Ownership) -> None:
        self.database = adapter.database
        self.migrating = adapter.migrating
        self.url = adapter.url
        self._adapter = adapter
        self._connection: SandboxConnection | None = connection
        self._owner = owner

    def begin_text(self, how: Begin) -> str:
        return self._adapter.begin_text(how)

    @property
    def dialect(self) -> Dialect:
        return self._adapter.dialect

    async def connect(self, timeout: float) -> Connection:  # noqa: ARG002  # it is there
        connection, self._connection = self._connection, None
        if connection is None:
            raise ConnectError(
                f"the connection of {self._owner.label} was lost, and all that it had written with it",
                hint="the error before this one says why; the next test gets another connection",
            )
        return connection

    async def connect_session(self, timeout: float) -> Connection:
        return await self._adapter.connect_session(timeout)

"""The guard on PostgreSQL: an advisory lock on a connection of its own, and a limit on every wait for a table.

The lock is asked for again and again, never waited for inside the database: a waiting `pg_advisory_lock` holds a
snapshot, for which `CREATE INDEX CONCURRENTLY` waits in turn, and both die in a deadlock.

It belongs to a session; or, for poolers that keep no sessions, to a transaction that stays open for as long as the run
lasts. Between two statements that holds no snapshot either.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from ectype.adapters.base import Adapter, Begin, Connection
from ectype.errors import DatabaseError, EctypeError
from ectype.migrations.effects import effect
from ectype.migrations.errors import MigrationLockError
from ectype.migrations.overheard import OverheardConnection
from ectype.migrations.patience import CONNECT_SECONDS, Patience, Wait
from ectype.migrations.sql_text import bare
from ectype.sql.ddl import Node

LOCK_NOT_AVAILABLE: Final = "55P03"

MINE: Final = """\
SELECT 1 FROM pg_locks
WHERE locktype = 'advisory' AND granted AND pid = pg_backend_pid() AND objsubid = 1
  AND (classid::bigint << 32) | objid::bigint = $1
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""

IN_THE_WAY: Final = """\
SELECT a.pid, coalesce(a.state, 'unknown'), extract(epoch FROM now() - a.xact_start)::bigint, a.query
FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.relation = to_regclass($1) AND l.granted AND a.pid <> pg_backend_pid()
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
ORDER BY a.xact_start LIMIT 1"""

QUERY_SHOWN: Final = 80

# It reads nothing, so it has no snapshot of its own.
KEEP_IDLE: Final = "SET LOCAL idle_in_transaction_session_timeout = 0"

HOLDER: Final = """\
SELECT a.pid, a.application_name, a.client_addr::text, extract(epoch FROM now() - a.backend_start)::bigint
FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
  AND (l.classid::bigint << 32) | l.objid::bigint = $1
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"""


@dataclass(frozen=True, slots=True)
class PostgresGuard:
    """Holds the lock on `connection`, which does nothing else."""

    connection: Connection
    key: int
    lock_timeout: float
    statement_timeout: float | None = None

    async def check(self) -> None:
        """See that the lock is still held: the connection may have died, or a pooler may have changed its server."""
        try:
            mine = await self.connection.fetch(MINE, (self.key,), _rows, timeout=CONNECT_SECONDS)
            await _let_go(self.connection)
        except EctypeError as exc:
            raise _lost() from exc
        if not mine:
            raise _lost()

    async def begin(self, connection: Connection) -> None:
        """Open the transaction with a short `lock_timeout`, so that a waiting ALTER TABLE holds nobody up for long."""
        await connection.begin(Begin(isolation="read committed"))
        await connection.execute(f"SET LOCAL lock_timeout = {round(self.lock_timeout * 1000)}")
        if self.statement_timeout is not None:
            await connection.execute(f"SET LOCAL statement_timeout = {round(self.statement_timeout * 1000)}")

    async def before(self, connection: Connection, node: Node) -> None:
        """Nothing to see to: PostgreSQL refuses to drop what others reference."""

    async def verify(self, connection: Connection) -> None:
        """Nothing to see to: PostgreSQL refuses a foreign key to a table that is not there."""

    def may_retry(self, error: EctypeError) -> bool:
        """Whether a statement waited too long for a lock."""
        return isinstance(error, DatabaseError) and error.sqlstate == LOCK_NOT_AVAILABLE

    async def in_the_way(self, sql: str) -> str | None:
        """Say which session has held the statement's table for longest. The values in its text are not shown."""
        table = effect(sql, "postgres").table
        if table is None:
            return None
        try:
            rows = await self.connection.fetch(IN_THE_WAY, (table,), _rows, timeout=CONNECT_SECONDS)
        except EctypeError:
            # It would only have made the message longer.
            return None
        for pid, state, seconds, query in rows:
            clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
            return f"blocked by pid {pid} ({state}, {clock}): {bare(query or '')[:QUERY_SHOWN]}"
        return None


@contextlib.asynccontextmanager
async def hold(adapter: Adapter, patience: Patience, scope: str = "") -> AsyncGenerator[PostgresGuard]:
    """Hold the lock of this database's migrations until the block ends.

    Raises:
        MigrationLockError: it was not free in time, or the connection goes through a transaction pooler.
        UnsupportedError: a pooler was found in between, and no `direct_url` leads around it.
    """
    of_session = adapter.migrating.lock == "session"
    connect = adapter.connect_session if of_session else adapter.connect
    connection = OverheardConnection(await connect(CONNECT_SECONDS), adapter.begin_text)
    try:
        key = await _key(connection, adapter, scope)
        await _acquire(connection, key, Wait(patience.lock_wait), _try_session if of_session else _try_transaction)
        guard = PostgresGuard(connection, key, patience.lock_timeout, patience.statement_timeout)
        await guard.check()
        try:
            yield guard
        finally:
            await _release(connection, key)
    finally:
        await connection.close()


async def holder(adapter: Adapter, scope: str = "") -> str | None:
    """Say who holds the lock now; None when it is free. It waits for nothing.

    Raises:
        ConnectError: the database cannot be reached.
    """
    connection = await adapter.connect(CONNECT_SECONDS)
    try:
        return await _holder(connection, await _key(connection, adapter, scope))
    finally:
        await connection.close()


async def _key(connection: Connection, adapter: Adapter, scope: str = "") -> int:
    rows = await connection.fetch("SELECT current_database()", (), _rows)
    # Each journal is a row of migrations of its own.
    words = f"ectype.migrations:{rows[0][0]}:{adapter.migrating.source}{scope and f':{scope}'}"
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], signed=True)


async def _try_session(connection: Connection, key: int) -> bool:
    return bool((await connection.fetch("SELECT pg_try_advisory_lock($1)", (key,), _rows))[0][0])


async def _try_transaction(connection: Connection, key: int) -> bool:
    """Try it in a transaction, which is left open when the lock is had: a pooler gives it one server till it ends."""
    # With a stricter isolation it would keep the snapshot of its first statement, for which others wait.
    await connection.begin(Begin(isolation="read committed"))
    if (await connection.fetch("SELECT pg_try_advisory_xact_lock($1)", (key,), _rows))[0][0]:
        # What it keeps of that query is given back by the check that follows.
        return True
    await connection.rollback()
    return False


async def _let_go(connection: Connection) -> None:
    """Give the snapshot back that the last query of an open transaction keeps until another statement comes.

    The transaction is idle all the time, since that is its purpose, and the server must not end it for that.
    """
    if connection.in_transaction:
        await connection.execute(KEEP_IDLE, (), CONNECT_SECONDS)


async def _acquire(
    connection: Connection, key: int, wait: Wait, take: Callable[[Connection, int], Awaitable[bool]]
) -> None:
    while not await take(connection, key):
        if wait.left <= 0:
            holder = await _holder(connection, key)
            raise MigrationLockError(
                f"the migration lock was not free within {wait.seconds:.0f} s: it is held by {holder or 'nobody now'}",
                hint="wait for the other run to end, or wait longer with `lock_wait=` (`--lock-wait`)",
            )
        if wait.tells_now:
            wait.tell(await _holder(connection, key))
        await wait.pause()


async def _release(connection: Connection, key: int) -> None:
    # Closing gives the lock back too, but only when the server has noticed.
    with contextlib.suppress(EctypeError):
        if connection.in_transaction:
            await connection.rollback(CONNECT_SECONDS)
        else:
            await connection.execute("SELECT pg_advisory_unlock($1)", (key,), timeout=CONNECT_SECONDS)


async def _holder(connection: Connection, key: int) -> str | None:
    rows = await connection.fetch(HOLDER, (key,), _rows)
    for pid, application, address, seconds in rows:
        return f"pid {pid} ({application or 'no name'}, {address or 'local'}), connected {seconds} s ago"
    return None


def _lost() -> MigrationLockError:
    return MigrationLockError(
        "the migration lock was lost, so another run may have begun; this one stopped between two migrations",
        hint="connect to the database itself, not through a transaction pooler (or with "
        '`migration_lock="transaction"`), and run it again',
    )


def _rows(rows: list[Any]) -> list[Any]:
    return rows

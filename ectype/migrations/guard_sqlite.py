"""The guard on SQLite: BEGIN IMMEDIATE lets one writer in, and what SQLite would let pass unseen is refused.

No lock lives longer than one migration: the journal is read again inside each transaction, so a run that comes
second sees what the first one did.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from typing import Any, Final

from ectype.adapters.base import Adapter, Begin, Connection
from ectype.errors import DatabaseError, DeadlineError, EctypeError, MigrationError, UnsupportedError
from ectype.migrations.errors import MigrationLockError
from ectype.migrations.patience import TELL_AFTER_SECONDS, Patience, Wait
from ectype.sql.ddl import DropTable, Node

REFERENCING: Final = """\
SELECT DISTINCT t.name FROM sqlite_schema AS t, pragma_foreign_key_list(t.name) AS f
WHERE t.type = 'table' AND f."table" = ?1 COLLATE NOCASE AND t.name <> ?1 COLLATE NOCASE
ORDER BY t.name"""

DANGLING: Final = """\
SELECT DISTINCT t.name, f."table" FROM sqlite_schema AS t, pragma_foreign_key_list(t.name) AS f
WHERE t.type = 'table' AND NOT EXISTS (
  SELECT 1 FROM sqlite_schema AS p WHERE p.type = 'table' AND p.name = f."table" COLLATE NOCASE)
ORDER BY t.name, f."table\""""


class SqliteGuard:
    """Remembers which foreign keys led nowhere before the migration, so that old ones are not held against it."""

    def __init__(self, lock_wait: float) -> None:
        self._lock_wait = lock_wait
        self._dangling: frozenset[tuple[str, str]] = frozenset()

    async def check(self) -> None:
        """Nothing to see to: each transaction takes its own lock."""

    async def begin(self, connection: Connection) -> None:
        """Open a transaction that may write, and wait for the writer that is in the way.

        Raises:
            MigrationLockError: that writer did not end in time.
        """
        wait = Wait(self._lock_wait)
        while not await _has_begun(connection, wait):
            if wait.tells_now:
                wait.tell(None)
            await wait.pause()
        self._dangling = await _dangling(connection)

    async def before(self, connection: Connection, node: Node) -> None:
        """Refuse to drop a table that others reference: SQLite would delete their rows too, or leave them astray."""
        if not isinstance(node, DropTable):
            return
        others = [row[0] for row in await connection.fetch(REFERENCING, (node.name,), _rows)]
        if others:
            raise MigrationError(
                f"the table `{node.name}` cannot be dropped: {_list(others)} has a foreign key to it",
                hint=f"drop {_list(others)} first, or the column that references `{node.name}`",
            )

    async def verify(self, connection: Connection) -> None:
        """Refuse a foreign key to a table that is not there, which SQLite notices at the first INSERT only."""
        for table, missing in sorted(await _dangling(connection) - self._dangling):
            raise MigrationError(
                f"`{table}` has a foreign key to the table `{missing}`, which is not there",
                hint=f"create `{missing}` in this migration or in one before it",
            )

    def may_retry(self, error: EctypeError) -> bool:  # noqa: ARG002  # the same question on every database
        """Never: within its transaction a migration is alone."""
        return False

    async def in_the_way(self, sql: str) -> str | None:  # noqa: ARG002  # the same question on every database
        """Nobody: within its transaction a migration is alone."""
        return None


@contextlib.asynccontextmanager
async def hold(adapter: Adapter, patience: Patience, scope: str = "") -> AsyncGenerator[SqliteGuard]:  # noqa: ARG001  # see `Hold`
    """Return the guard at once: SQLite has no lock that outlives a transaction.

    Raises:
        UnsupportedError: `statement_timeout` is given, which SQLite does not have.
    """
    if patience.statement_timeout is not None:
        raise UnsupportedError(
            f"statement_timeout={patience.statement_timeout:g} is not what {adapter.dialect.name} can do",
            hint="leave it out: `lock_wait` says how long to wait for another writer",
        )
    yield SqliteGuard(patience.lock_wait)


async def _has_begun(connection: Connection, wait: Wait) -> bool:
    # The connection waits by itself too, for as long as its URL says: that must not keep the wait from being told.
    try:
        await connection.begin(Begin(), timeout=min(wait.left, TELL_AFTER_SECONDS) + 0.1)
    except (DatabaseError, DeadlineError) as exc:
        if isinstance(exc, DatabaseError) and not (exc.sqlstate or "").startswith("SQLITE_BUSY"):
            raise
        if wait.left <= 0:
            raise _busy(wait) from exc
        return False
    return True


async def _dangling(connection: Connection) -> frozenset[tuple[str, str]]:
    return frozenset((row[0], row[1]) for row in await connection.fetch(DANGLING, (), _rows))


def _busy(wait: Wait) -> MigrationLockError:
    return MigrationLockError(
        f"another connection has been writing to the database for {wait.seconds:.0f} s",
        hint="wait for it to end, or wait longer with `lock_wait=` (`--lock-wait`)",
    )


def _list(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _rows(rows: list[Any]) -> list[Any]:
    return rows

"""What keeps two runs apart, and a migration from losing data unseen: one guard for each database."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol, TypeAlias

from ectype.adapters.base import Adapter, Connection
from ectype.errors import EctypeError
from ectype.migrations import guard_postgres, guard_sqlite
from ectype.migrations.patience import Patience
from ectype.sql.ddl import Node
from ectype.types.base import Target


class Guard(Protocol):
    """What stands around each migration of a run."""

    async def check(self) -> None:
        """Raise MigrationLockError when the lock is no longer ours."""
        ...

    async def begin(self, connection: Connection) -> None:
        """Open the migration's transaction, which waits for no lock longer than it may."""
        ...

    async def before(self, connection: Connection, node: Node) -> None:
        """Raise MigrationError when the command would lose rows that its author did not speak of."""
        ...

    async def verify(self, connection: Connection) -> None:
        """Raise MigrationError, before COMMIT, when the migration left what the database should have refused."""
        ...

    def may_retry(self, error: EctypeError) -> bool:
        """Whether the error only says that somebody else was in the way."""
        ...

    async def in_the_way(self, sql: str) -> str | None:
        """Say who holds the table that a statement waited for; None where the database does not know."""
        ...


Hold: TypeAlias = Callable[[Adapter, Patience, str], AbstractAsyncContextManager[Guard]]

GUARDS: Final[dict[Target, Hold]] = {"postgres": guard_postgres.hold, "sqlite": guard_sqlite.hold}


def hold(adapter: Adapter, patience: Patience, scope: str = "") -> AbstractAsyncContextManager[Guard]:
    """Return a context in which this run is the only one, as far as the database can say that.

    Args:
        adapter: the database.
        patience: how long to wait.
        scope: what the lock is for within the database, as a schema; "" for its migrations.

    Raises:
        MigrationLockError: another run did not end in time.
    """
    return GUARDS[adapter.dialect.target](adapter, patience, scope)

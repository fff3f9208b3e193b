"""A repo whose calls run on a migration's own connection, in its transaction: what `m.repo` is."""

from __future__ import annotations

# the deadline is a parameter of every method of the contract
import contextlib
from collections.abc import AsyncGenerator

from ectype.adapters.base import Adapter, Begin, Connection, Copier
from ectype.adapters.delegated import DelegatedConnection
from ectype.adapters.sandbox_lanes import NEVER_SECONDS
from ectype.errors import UnsupportedError
from ectype.repo.repo import Repo

SAVEPOINT = "ectype_migration"


class InnerConnection(DelegatedConnection):
    """The migration's connection, with a savepoint wherever a repo would begin a transaction."""

    __slots__ = ("_nested",)

    def __init__(self, outer: Connection) -> None:
        super().__init__(outer)
        self._nested = False

    @property
    def in_transaction(self) -> bool:
        """Whether the repo has begun a transaction of its own; the migration's is not the repo's to end."""
        return self._nested

    async def begin(self, how: Begin, timeout: float | None = None) -> None:  # noqa: ARG002  # it joins what has begun
        """Open a savepoint."""
        await self._inner.execute(f"SAVEPOINT {SAVEPOINT}", (), timeout)
        self._nested = True

    async def commit(self, timeout: float | None = None) -> None:
        """Release the savepoint."""
        await self._inner.execute(f"RELEASE SAVEPOINT {SAVEPOINT}", (), timeout)
        self._nested = False

    async def transaction(self, timeout: float | None = None) -> str | None:  # noqa: ARG002  # it joins what has begun
        """Return no id: what becomes of it is what becomes of the migration."""
        return None

    async def rollback(self, timeout: float | None = None) -> None:
        """Go back to the savepoint."""
        self._nested = False
        if self._inner.in_transaction:
            await self._inner.execute(f"ROLLBACK TO SAVEPOINT {SAVEPOINT}", (), timeout)
            await self._inner.execute(f"RELEASE SAVEPOINT {SAVEPOINT}", (), timeout)

    async def reset(self, timeout: float | None = None) -> None:
        """Leave the session as it is: it is the migration's."""

    async def close(self, timeout: float = 5.0) -> None:
        """Leave the connection open: it is the migration's."""

    def terminate(self) -> None:
        """Cut the migration's connection, so that nothing of it is committed."""
        self._inner.terminate()


class InnerAdapter:
    """Gives the migration's connection to the one pool that asks."""

    single = True
    copier: Copier | None = None

    def __init__(self, adapter: Adapter, connection: Connection) -> None:
        self.dialect = adapter.dialect
        self.database = adapter.database
        self.migrating = adapter.migrating
        self.url = "the migration's connection"
        self._connection = connection

    def begin_text(self, how: Begin) -> str:  # noqa: ARG002  # a savepoint has no options
        """Return the statement that stands for BEGIN."""
        return f"SAVEPOINT {SAVEPOINT}"

    async def connect(self, timeout: float) -> Connection:  # noqa: ARG002  # the contract has it
        """Return the migration's connection."""
        return InnerConnection(self._connection)

    async def connect_session(self, timeout: float) -> Connection:  # noqa: ARG002  # the contract has it
        """Raise UnsupportedError: a migration has one connection."""
        raise UnsupportedError(
            "the repo of a migration has no session of its own: it works in the migration's transaction",
            hint="listen with a repo of the application",
        )


@contextlib.asynccontextmanager
async def inner_repo(adapter: Adapter, connection: Connection, prefix: str | None) -> AsyncGenerator[Repo]:
    """Give a repo whose calls run on the connection, in the transaction that is open there."""
    repo = Repo(
        InnerAdapter(adapter, connection),
        prefix=prefix,
        timeout=None,
        name="migration",
        # Nobody but the migration looks after its connection.
        idle_check=NEVER_SECONDS,
        queue_target=NEVER_SECONDS,
    )
    try:
        yield repo
    finally:
        await repo.close()

"""A repo whose calls run on a migration's own connection, in its transaction: what `m.repo` is."""

import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, TypeVar

from ectype.adapters.base import Begin, Connection
from ectype.repo.repo import Repo
from ectype.sql.dialect import Dialect

T = TypeVar("T")

SAVEPOINT = "ectype_migration"


class InnerConnection:
    """The migration's connection, with a savepoint wherever a repo would begin a transaction."""

    def __init__(self, outer: Connection) -> None:
        self._outer = outer
        self._nested = False

    @property
    def broken(self) -> bool:
        """Whether the connection must not be used again."""
        return self._outer.broken

    @property
    def in_transaction(self) -> bool:
        """Whether the repo has begun a transaction of its own; the migration's is not the repo's to end."""
        return self._nested

    async def fetch(
        self, sql: str, params: Sequence[object], load: Callable[[list[Any]], T], timeout: float | None = None
    ) -> T:
        """Run one statement and return `load(rows)`."""
        return await self._outer.fetch(sql, params, load, timeout)

    async def execute(self, sql: str, params: Sequence[object] = (), timeout: float | None = None) -> int:
        """Run one statement and return how many rows it wrote."""
        return await self._outer.execute(sql, params, timeout)

    async def execute_many(self, sql: str, rows: Sequence[Sequence[object]], timeout: float | None = None) -> int:
        """Run one writing statement once a row of parameters."""
        return await self._outer.execute_many(sql, rows, timeout)

    async def fetch_many(
        self,
        sql: str,
        rows: Sequence[Sequence[object]],
        load: Callable[[list[Any]], T],
        timeout: float | None = None,
    ) -> T:
        """Run one returning statement once a row of parameters."""
        return await self._outer.fetch_many(sql, rows, load, timeout)

    async def query(
        self,
        sql: str,
        params: Sequence[object],
        load: Callable[[tuple[str, ...], list[Any], int], T],
        timeout: float | None = None,
    ) -> T:
        """Run one statement of the user's."""
        return await self._outer.query(sql, params, load, timeout)

    async def script(self, sql: str, timeout: float | None = None) -> None:
        """Run text that may hold several statements."""
        await self._outer.script(sql, timeout)

    async def begin(self, how: Begin, timeout: float | None = None) -> None:  # noqa: ARG002  # it joins what has begun
        """Open a savepoint."""
        await self._outer.execute(f"SAVEPOINT {SAVEPOINT}", (), timeout)
        self._nested = True

    async def commit(self, timeout: float | None = None) -> None:
        """Release the savepoint."""
        await self._outer.execute(f"RELEASE SAVEPOINT {SAVEPOINT}", (), timeout)
        self._nested = False

    async def rollback(self, timeout: float | None = None) -> None:
        """Go back to the savepoint."""
        self._nested = False
        if self._outer.in_transaction:
            await self._outer.execute(f"ROLLBACK TO SAVEPOINT {SAVEPOINT}", (), timeout)
            await self._outer.execute(f"RELEASE SAVEPOINT {SAVEPOINT}", (), timeout)

    async def reset(self, timeout: float | None = None) -> None:
        """Leave the session as it is: it is the migration's."""

    async def close(self, timeout: float = 5.0) -> None:
        """Leave the connection open: it is the migration's."""

    def terminate(self) -> None:
        """Cut the migration's connection, so that nothing of it is committed."""
        self._outer.terminate()


class InnerAdapter:
    """Gives the migration's connection to the one pool that asks."""

    single = True

    def __init__(self, dialect: Dialect, connection: Connection) -> None:
        self.dialect = dialect
        self.url = "the migration's connection"
        self._connection = connection

    async def connect(self, timeout: float) -> Connection:  # noqa: ARG002  # the contract has it
        """Return the migration's connection."""
        return InnerConnection(self._connection)


@contextlib.asynccontextmanager
async def inner_repo(dialect: Dialect, connection: Connection, prefix: str | None) -> AsyncGenerator[Repo]:
    """Give a repo whose calls run on the connection, in the transaction that is open there."""
    repo = Repo(InnerAdapter(dialect, connection), prefix=prefix, timeout=None, name="migration")
    try:
        yield repo
    finally:
        await repo.close()

"""The rows of a PostgreSQL statement, a batch at a time: a portal of the server's."""

from __future__ import annotations

# the deadline is a parameter of every method of the contract
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, NoReturn, Protocol, TypeVar

from ectype.adapters.base import Connection

T = TypeVar("T")

_MINE = r"SELECT name FROM pg_cursors WHERE name LIKE '\_\_asyncpg\_%' AND statement = $1"


class Portal(Protocol):
    """The part of `asyncpg.cursor.Cursor` that is used here."""

    async def fetch(self, n: int, *, timeout: float | None = None) -> list[Any]:
        """Return the next rows."""
        ...


class PostgresCursor:
    """See `ectype.adapters.base.Cursor` for the contract."""

    __slots__ = ("_batch", "_connection", "_fail", "_finished", "_portal", "_shared", "_sql")

    def __init__(
        self,
        connection: Connection,
        portal: Portal,
        sql: str,
        batch: int,
        fail: Callable[[BaseException, Sequence[object], float | None], Coroutine[Any, Any, NoReturn]],
        *,
        shared: bool,
    ) -> None:
        """Read from an open portal.

        Args:
            connection: where it is.
            portal: the driver's.
            sql: its statement.
            batch: how many rows at once.
            fail: settles the connection after an exception, and raises ours.
            shared: whether the transaction goes on when this cursor is closed.
        """
        self._connection = connection
        self._portal = portal
        self._sql = sql
        self._batch = batch
        self._fail = fail
        self._shared = shared
        self._finished = False

    async def fetch(self, load: Callable[[list[Any]], T], timeout: float | None = None) -> T:
        """Return `load(rows)` of the next batch."""
        try:
            rows = await self._portal.fetch(self._batch, timeout=timeout)
        except BaseException as exc:  # noqa: BLE001  # whatever it is, the connection is settled before it rises
            self._finished = True
            await self._fail(exc, (), timeout)
        self._finished = len(rows) < self._batch
        return load(rows)

    async def close(self, timeout: float | None = None) -> None:
        """Close the portal where its transaction goes on and rows are left; else the end of that does it.

        The driver does not say which is its portal, so of several with one text none is closed before the end.
        """
        if self._finished or not self._shared:
            return
        self._finished = True
        names = await self._connection.fetch(_MINE, (self._sql,), _names, timeout)
        if len(names) == 1:
            await self._connection.script(f'CLOSE "{names[0]}"', timeout)

    def forget(self) -> None:
        """Leave the portal to the end of its transaction."""
        self._finished = True


def _names(rows: list[Any]) -> list[str]:
    return [row[0] for row in rows]

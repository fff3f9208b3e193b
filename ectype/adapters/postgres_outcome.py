"""What became of a PostgreSQL transaction whose COMMIT was not answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import Any, Protocol, TypeVar

from ectype.errors import CommitUnknownError, DatabaseError, DeadlineError

T = TypeVar("T")

_PAUSES_SECONDS = (0.005, 0.25)
"""The first and the longest wait between two questions."""
_UNKNOWN_ID = "22023"

# A backend that still waits for the COMMIT of this transaction will not get it any more, or must not do it any more:
# whoever asks is about to do the work again. One that is active is in the middle of COMMIT, and comes to its end.
# https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-SNAPSHOT
_QUESTION = """
SELECT pg_xact_status($1::text::xid8), pg_is_in_recovery(), (
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE backend_xid = $1::text::xid8::xid AND datname = current_database() AND state LIKE 'idle in transaction%'
)
"""


class Asked(Protocol):
    """The connection that is asked."""

    async def fetch(
        self, sql: str, params: Sequence[object], load: Callable[[list[Any]], T], timeout: float | None = None
    ) -> T:
        """Run one statement and return `load(rows)`."""
        ...

    async def close(self, timeout: float = 5.0) -> None:
        """Close it."""
        ...


async def outcome(connect: Callable[[float], Awaitable[Asked]], transaction: str | None, timeout: float) -> bool:
    """Return whether a transaction was committed, asking until it has ended.

    Args:
        connect: makes a connection to its server within so many seconds.
        transaction: its id, as text.
        timeout: seconds for all of it.

    Raises:
        CommitUnknownError: it cannot be known.
        DeadlineError: it had not ended in time.
        ConnectError: the server cannot be reached.
    """
    if transaction is None:
        raise CommitUnknownError(
            "what became of COMMIT cannot be asked for: the transaction had no id when it was sent, since no statement "
            "that writes had run in it",
            hint="what a function of the database wrote in a query that reads has to be looked for",
        )
    end = monotonic() + timeout
    connection = await connect(timeout)
    try:
        pause, longest = _PAUSES_SECONDS
        while True:
            known = await _status(connection, transaction, max(0.001, end - monotonic()))
            if known is not None:
                return known
            if monotonic() + pause >= end:
                raise DeadlineError(
                    f"the transaction {transaction} was still running after {timeout:g} s",
                    hint="its COMMIT is being carried out: ask again later",
                )
            await asyncio.sleep(pause)
            pause = min(longest, pause * 2)
    finally:
        await connection.close(1.0)


async def _status(connection: Asked, transaction: str, timeout: float) -> bool | None:
    """Return whether it was committed; None while it is running."""
    try:
        status, standby, _ = await connection.fetch(_QUESTION, (transaction,), lambda rows: tuple(rows[0]), timeout)
    except DatabaseError as exc:
        if exc.sqlstate != _UNKNOWN_ID:
            raise
        raise CommitUnknownError(
            f"the server does not know the transaction {transaction}",
            hint="is it another server, or was it restored from a backup? Look for the rows there",
            transaction=transaction,
        ) from exc
    if status is None:
        raise CommitUnknownError(
            f"the server has forgotten the transaction {transaction}: it is too long ago",
            hint="look for the rows",
            transaction=transaction,
        )
    if standby and status != "committed":
        raise CommitUnknownError(
            f"a standby was asked, which need not know the transaction {transaction} yet",
            hint="add `target_session_attrs=read-write` to the URL, and ask again",
            transaction=transaction,
        )
    return {"committed": True, "aborted": False}.get(status)

"""A function run as one transaction, and run anew when it lost against another transaction."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from inspect import Parameter, isawaitable, signature
from typing import Any

from ectype.errors import ConfigError, DatabaseError, EctypeError, StaleStatementError, TransactionAbortedError
from ectype.repo.block import RolledBack, Transaction

# The same work may succeed when it is done anew.
# https://www.postgresql.org/docs/current/mvcc-serialization-failure-handling.html
_RETRIED = frozenset({"40001", "40P01", "SQLITE_BUSY", "SQLITE_BUSY_SNAPSHOT"})
_FIRST_WAIT_SECONDS = 0.02
_LONGEST_WAIT_SECONDS = 1.0


async def transact(begin: Callable[[], Transaction], work: Callable[..., Awaitable[Any]], *, retries: int) -> Any:
    """Run `work` in the block that `begin` gives, up to `retries` times more when it lost a race; return its result."""
    wants_transaction = _needs_argument(work)
    attempt = 0
    while True:
        tx = begin()
        try:
            return await _attempt(tx, work, (tx,) if wants_transaction else ())
        except EctypeError as exc:
            if not _lost_a_race(exc):
                raise
            if attempt >= retries:
                if retries:
                    exc.add_note(f"tried {attempt + 1} times")
                raise
        # Not for secrets: it keeps those who collided from colliding again.
        longest = min(_LONGEST_WAIT_SECONDS, _FIRST_WAIT_SECONDS * 2 ** min(attempt, 10))
        await asyncio.sleep(random.uniform(longest / 4, longest))
        attempt += 1


async def _attempt(tx: Transaction, work: Callable[..., Awaitable[Any]], args: tuple[Transaction, ...]) -> Any:
    result: Any = None
    async with tx:
        running = work(*args)
        if not isawaitable(running):
            raise ConfigError(
                f"transact takes an async function, and {work!r} returned {running!r}",
                hint="write it with `async def`",
            )
        result = await running
        if _rolls_back(result):
            tx.rollback(result)
    if tx.rolled_back and not _rolls_back(result):
        return RolledBack(tx.value)
    return result


def _rolls_back(result: object) -> bool:
    return getattr(result.__class__, "rolls_back", False) is True


def _needs_argument(work: Callable[..., object]) -> bool:
    """Whether a function cannot be called without an argument."""
    positional = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    try:
        parameters = signature(work).parameters.values()
    except ValueError:
        return False
    return any(one.kind in positional and one.default is Parameter.empty for one in parameters)


def _lost_a_race(exc: EctypeError) -> bool:
    cause = exc.__cause__ if isinstance(exc, TransactionAbortedError) else exc
    stale = isinstance(cause, StaleStatementError)
    return stale or (isinstance(cause, DatabaseError) and cause.sqlstate in _RETRIED)

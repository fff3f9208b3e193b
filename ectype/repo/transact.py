"""A function run as one transaction, and run anew when it lost against another transaction."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any, cast

from ectype.errors import ConfigError, DatabaseError, EctypeError, TransactionAbortedError
from ectype.repo.block import RolledBack, Transaction
from ectype.repo.steps import MultiError
from ectype.schema.arguments import required_arguments

_FIRST_WAIT_SECONDS = 0.02
_LONGEST_WAIT_SECONDS = 1.0


async def transact(
    begin: Callable[[float | None], Transaction],
    work: Callable[..., Awaitable[Any]],
    *,
    retries: int,
    timeout: float | None = None,
) -> Any:
    """Run `work` in the block that `begin` gives, up to `retries` times more when it lost a race; return its result.

    Args:
        begin: makes a block, which may take so many seconds.
        work: what runs in it.
        retries: how often it may run again.
        timeout: seconds for all tries and the waits between them; None for any time.
    """
    if not callable(work):
        raise ConfigError(
            f"`transact` takes an async function or a Multi, got {cast('object', work)!r:.80}",
            hint="give it the function itself, without calling it: `repo.transact(transfer)`, or "
            "`repo.transact(lambda: transfer(ada, bob, 5))` where it takes arguments",
        )
    wants_transaction = required_arguments(work, unknown=0) > 0
    loop = asyncio.get_running_loop()
    end = None if timeout is None else loop.time() + timeout
    attempt = 0
    while True:
        tx = begin(None if end is None else max(0.0, end - loop.time()))
        try:
            return await _attempt(tx, work, (tx,) if wants_transaction else ())
        except EctypeError as exc:
            # Not for secrets: it keeps those who collided from colliding again.
            longest = min(_LONGEST_WAIT_SECONDS, _FIRST_WAIT_SECONDS * 2 ** min(attempt, 10))
            pause = random.uniform(longest / 4, longest)
            too_late = end is not None and loop.time() + pause >= end
            if too_late or attempt >= retries or not _lost_a_race(exc):
                if attempt:
                    exc.add_note(f"tried {attempt + 1} times")
                raise
        await asyncio.sleep(pause)
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


def _lost_a_race(exc: BaseException | None) -> bool:
    while isinstance(exc, (TransactionAbortedError, MultiError)):
        exc = exc.__cause__
    return isinstance(exc, DatabaseError) and exc.transient

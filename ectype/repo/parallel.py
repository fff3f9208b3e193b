"""Queries that need not wait for each other, run at once on connections that are free."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from ectype.adapters.base import Connection
from ectype.repo.engine import Engine
from ectype.repo.shield import unhindered


class Work(Protocol):
    """A query, or a function of the user's that makes some of its own."""

    @property
    def apart(self) -> bool:
        """Whether it may run on any connection."""
        ...

    async def run(self, on: Connection | None) -> None:
        """Do it, on a connection that is held for it, or on one as every statement."""
        ...


async def together(engine: Engine, works: Sequence[Work]) -> None:
    """Do all of them, those that may at once on as many connections as lie free; it never waits for one of the pool.

    In a transaction, and where fewer than two are free, they are done one after the other. The first error ends it,
    and nothing of it runs any more when it is raised.
    """
    apart = deque(work for work in works if work.apart)
    free = engine.session.free(len(apart)) if len(apart) > 1 else []
    if free:
        tasks: list[asyncio.Task[None]] = []
        loop = asyncio.get_running_loop()
        for connection in free:
            task = loop.create_task(_drain(apart, connection))
            # It may be cancelled before it begins.
            task.add_done_callback(lambda _, held=connection: engine.session.pool.release(held))
            tasks.append(task)
        await _all(tasks)
    for work in works:
        if not (free and work.apart):
            await work.run(None)


async def _drain(works: deque[Work], connection: Connection) -> None:
    while works:
        await works.popleft().run(connection)


async def _all(tasks: list[asyncio.Task[None]]) -> None:
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in tasks:
            if task.done():
                task.result()
    except BaseException:
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await unhindered(_ended(tasks))
        raise


async def _ended(tasks: list[asyncio.Task[None]]) -> None:
    await asyncio.gather(*tasks, return_exceptions=True)

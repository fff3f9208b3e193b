"""Work that a cancellation must not stop half-way: COMMIT, ROLLBACK, and what goes with savepoints."""

import asyncio
from asyncio import Future
from collections.abc import Coroutine
from functools import partial
from typing import Any


async def unhindered(work: Coroutine[Any, Any, None]) -> asyncio.CancelledError | None:
    """Run `work` to its end in a task of its own, and return the cancellation that came meanwhile, if one did.

    Raises:
        CancelledError: there was one, and `work` raised; that is its cause.
    """
    loop = asyncio.get_running_loop()
    task = loop.create_task(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        waiter: Future[None] = loop.create_future()
        task.add_done_callback(partial(_wake, waiter))
        try:
            await waiter
        except asyncio.CancelledError as exc:
            cancelled = cancelled or exc
    if cancelled is not None and not task.cancelled():
        error = task.exception()
        if error is not None:
            raise cancelled from error
    task.result()
    return cancelled


def _wake(waiter: Future[None], _task: object) -> None:
    if not waiter.done():
        waiter.set_result(None)

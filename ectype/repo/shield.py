"""Work that a cancellation must not stop half-way: COMMIT, ROLLBACK, and what goes with savepoints."""

from __future__ import annotations

import asyncio
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any

from ectype.adapters.deadlines import DUE


async def unhindered(work: Coroutine[Any, Any, None], *, bounded: bool = False) -> asyncio.CancelledError | None:
    """Run `work` to its end, and return the cancellation that came meanwhile, if one did.

    It runs in a task of its own; or in this one, which saves three turns of the event loop (20 µs), where `bounded`
    says that its deadlines reach it there: see `Connection.bounded`.

    Raises:
        CancelledError: there was one, and `work` raised; that is its cause.
    """
    return await (_Deaf(work) if bounded else _apart(work))


async def _apart(work: Coroutine[Any, Any, None]) -> asyncio.CancelledError | None:
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


class _Deaf:
    """Awaits work in the task that runs, with futures in between that no cancellation passes but that of a deadline."""

    __slots__ = ("_work",)

    def __init__(self, work: Coroutine[Any, Any, None]) -> None:
        self._work = work

    def __await__(self) -> Generator[Any, Any, asyncio.CancelledError | None]:
        work = self._work
        cancelled: asyncio.CancelledError | None = None
        while True:
            try:
                future: Any = work.send(None)
            except StopIteration:
                return cancelled
            except BaseException as error:
                if cancelled is not None and not isinstance(error, asyncio.CancelledError):
                    raise cancelled from error
                raise
            screen = None if future is None else _Screen(future)
            try:
                yield screen
            except asyncio.CancelledError as exc:
                cancelled = cancelled or (exc if screen is None else screen.struck)
            except GeneratorExit:
                work.close()
                raise
            except BaseException:
                # What the future failed with is raised where the work awaits it.
                if screen is None:
                    work.close()
                    raise


class _Screen:
    """A future as a task sees it that waits for it; what a task asks of one is PEP 3156's.

    Attributes:
        struck: the first cancellation of the task; None while there was none.
    """

    __slots__ = ("_asyncio_future_blocking", "_future", "struck")

    def __init__(self, future: Any) -> None:
        # The work has handed it out as a coroutine does to its task, which answers so.
        future._asyncio_future_blocking = False  # noqa: SLF001  # the protocol between futures and tasks
        self._future = future
        self._asyncio_future_blocking = True
        self.struck: asyncio.CancelledError | None = None

    def get_loop(self) -> AbstractEventLoop:
        loop: AbstractEventLoop = self._future.get_loop()
        return loop

    def add_done_callback(self, function: Callable[[Any], object], *, context: Any = None) -> None:
        self._future.add_done_callback(function, context=context)

    def cancel(self, msg: object = None) -> bool:
        if msg is DUE:
            return bool(self._future.cancel(msg))
        if self.struck is None:
            self.struck = asyncio.CancelledError() if msg is None else asyncio.CancelledError(msg)
        return False

"""Callbacks that run when a commit is certain: they are told what happened, and cannot change it."""

import asyncio
import warnings
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from inspect import isawaitable, iscoroutine
from typing import Any, TypeAlias

from ectype import telemetry
from ectype.errors import ConfigError

EVENT = "ectype.repo.after_commit_error"

Callback: TypeAlias = Callable[[], object]
"""Takes nothing; what it returns is awaited if it can be, and dropped."""


@dataclass(frozen=True, slots=True)
class AfterCommitError:
    """The payload of `ectype.repo.after_commit_error`: a callback, and what it raised."""

    callback: Callback
    error: BaseException


async def run_all(callbacks: Iterable[Callback]) -> asyncio.CancelledError | None:
    """Call each in order, awaiting those that are async, and return the cancellation that came meanwhile, if one did.

    One that raises is reported after all have run, as a RuntimeWarning and as the event
    `ectype.repo.after_commit_error`. A cancellation ends the callback that it meets; the others still run, since what
    they tell of is stored.
    """
    cancelled: asyncio.CancelledError | None = None
    failed: list[AfterCommitError] = []
    for callback in callbacks:
        before = _cancellations()
        try:
            result = callback()
            if isawaitable(result):
                await result
        except asyncio.CancelledError as exc:
            if _cancellations() > before:
                cancelled = cancelled or exc
            failed.append(AfterCommitError(callback, exc))
        except Exception as exc:  # noqa: BLE001  # a callback may raise anything, and must not change the outcome
            failed.append(AfterCommitError(callback, exc))
    for one in failed:
        _report(one)
    return cancelled


def start(callback: Callback) -> Coroutine[Any, Any, None] | None:
    """Call one now; return what is left to await of an async one.

    Raises:
        ConfigError: it is async, and no event loop runs.
    """
    try:
        result = callback()
    except Exception as exc:  # noqa: BLE001  # as in `run_all`
        _report(AfterCommitError(callback, exc))
        return None
    if not isawaitable(result):
        return None
    if not _in_event_loop():
        if iscoroutine(result):
            result.close()
        raise ConfigError(
            f"the async after_commit callback {callback!r} was given outside a transaction and outside an event loop",
            hint="call `after_commit` in async code, or give it a function that is not async",
        )
    return _finish(callback, result)


async def _finish(callback: Callback, result: Awaitable[object]) -> None:
    try:
        await result
    except asyncio.CancelledError as exc:
        _report(AfterCommitError(callback, exc))
        raise
    except Exception as exc:  # noqa: BLE001  # as in `run_all`
        _report(AfterCommitError(callback, exc))


def _report(failed: AfterCommitError) -> None:
    telemetry.emit(EVENT, failed)
    warnings.warn(
        f"the after_commit callback {failed.callback!r} raised {failed.error!r}; what was committed is stored all the "
        "same",
        RuntimeWarning,
        stacklevel=3,
    )


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _cancellations() -> int:
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()

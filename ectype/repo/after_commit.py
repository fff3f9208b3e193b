"""Callbacks that run when a commit or a rollback is certain: they are told what happened, and cannot change it."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from inspect import isawaitable, iscoroutine
from typing import Any, TypeAlias

from ectype import telemetry
from ectype.errors import ConfigError

Callback: TypeAlias = Callable[[], object]
"""Takes nothing; what it returns is awaited if it can be, and dropped."""


@dataclass(frozen=True, slots=True)
class AfterCommitError:
    """The payload of `ectype.repo.after_commit_error`: a callback, and what it raised."""

    callback: Callback
    error: BaseException


@dataclass(frozen=True, slots=True)
class AfterRollbackError:
    """The payload of `ectype.repo.after_rollback_error`: a callback, and what it raised."""

    callback: Callback
    error: BaseException


@dataclass(frozen=True, slots=True)
class Moment:
    """When callbacks run: its name, the event of an error, and what stays true all the same."""

    name: str
    error: Callable[[Callback, BaseException], object]
    still: str


AFTER_COMMIT = Moment("after_commit", AfterCommitError, "what was committed is stored all the same")
AFTER_ROLLBACK = Moment("after_rollback", AfterRollbackError, "the block was rolled back all the same")


def check_callback(callback: object, name: str) -> None:
    """Raise ConfigError for what cannot be called, where it is given."""
    if not callable(callback):
        raise ConfigError(
            f"`{name}` takes a function, got {callback!r:.80}",
            hint=f"give it the function itself, without calling it: `repo.{name}(lambda: send(mail))`",
        )


async def run_all(callbacks: Iterable[Callback], moment: Moment) -> asyncio.CancelledError | None:
    """Call each in order, awaiting those that are async, and return the cancellation that came meanwhile, if one did.

    One that raises is reported after all have run, as a RuntimeWarning and as the event
    `ectype.repo.after_commit_error` or `ectype.repo.after_rollback_error`. A cancellation ends the callback that it
    meets; the others still run, since what they tell of is done.
    """
    cancelled: asyncio.CancelledError | None = None
    failed: list[tuple[Callback, BaseException]] = []
    for callback in callbacks:
        before = _cancellations()
        try:
            result = callback()
            if isawaitable(result):
                await result
        except asyncio.CancelledError as exc:
            if _cancellations() > before:
                cancelled = cancelled or exc
            failed.append((callback, exc))
        except Exception as exc:  # noqa: BLE001  # a callback may raise anything, and must not change the outcome
            failed.append((callback, exc))
    for callback, error in failed:
        _report(callback, error, moment)
    return cancelled


def start(callback: Callback) -> Coroutine[Any, Any, None] | None:
    """Call one now; return what is left to await of an async one.

    Raises:
        ConfigError: it is async, and no event loop runs.
    """
    try:
        result = callback()
    except Exception as exc:  # noqa: BLE001  # as in `run_all`
        _report(callback, exc)
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
        _report(callback, exc)
        raise
    except Exception as exc:  # noqa: BLE001  # as in `run_all`
        _report(callback, exc)


def _report(callback: Callback, error: BaseException, moment: Moment = AFTER_COMMIT) -> None:
    telemetry.emit(f"ectype.repo.{moment.name}_error", moment.error(callback, error))
    warnings.warn(
        f"the {moment.name} callback {callback!r} raised {error!r}; {moment.still}", RuntimeWarning, stacklevel=3
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

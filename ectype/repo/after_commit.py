"""Callbacks that run when a commit is certain: they are told what happened, and cannot change it."""

import asyncio
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from inspect import isawaitable
from typing import TypeAlias

from ectype import telemetry

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
        report(one)
    return cancelled


def report(failed: AfterCommitError) -> None:
    """Warn of a callback that raised, and tell the listeners."""
    telemetry.emit(EVENT, failed)
    warnings.warn(
        f"the after_commit callback {failed.callback!r} raised {failed.error!r}; the transaction is committed all the "
        "same",
        RuntimeWarning,
        stacklevel=3,
    )


def _cancellations() -> int:
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()

"""What the sandbox says to those it cannot serve."""

from __future__ import annotations

from collections.abc import Sequence

from ectype.adapters.pool_report import PoolReport
from ectype.adapters.sandbox_owner import here, task_name
from ectype.errors import OwnershipError, PoolTimeoutError

_SHOWN = 5


def nobody(url: str, alive: Sequence[str]) -> OwnershipError:
    """Return the error for a task that works for nobody."""
    names = ", ".join(f"`{name}`" for name in alive) or "none"
    return OwnershipError(
        f"a statement in the sandbox of {url} has no owner: {here()} works for none (owners that live now: {names})",
        hint="open one around it, or let the task work for one:\n\n"
        "    async with sandbox(repo) as owner:      # this task, and those that it starts in the block\n"
        "        owner.allow(task)                   # a task that was started before, or by its name\n\n"
        "a request carries `owner.header()`; `sandbox(repo, shared=True)` takes every task that has no owner",
    )


def crowded(owner: str, others: Sequence[str], size: int, timeout: float) -> PoolTimeoutError:
    """Return the error for an owner that could not begin, since as many as may be live already."""
    names = ", ".join(f"`{name}`" for name in others[:_SHOWN])
    return PoolTimeoutError(
        f"{owner} could not begin within {timeout:g} s: {size} may live at once, and there are "
        f"{names}{' …' if len(others) > _SHOWN else ''}",
        hint="end owners sooner, or make the repo with a larger `pool_size`",
    )


def waits_for_itself(owner: str) -> PoolTimeoutError:
    """Return the error for a task that holds its owner's only connection and asks for another."""
    return PoolTimeoutError(
        f"task `{task_name()}` asks for a second connection while it holds one, and {owner} has no other",
        hint="in the sandbox an owner has one connection: run the inner call inside the `transaction()` that is open, "
        "not under `repo.detached()`; a test of what two connections do to each other needs two owners",
    )


def waited(owner: str, report: PoolReport, timeout: float) -> PoolTimeoutError:
    """Return the error for a task whose owner's connection was held by others for too long."""
    held = ", ".join(f"task `{holder.name}` for {holder.seconds:.1f} s" for holder in report.holders) or "no task"
    return PoolTimeoutError(
        f"task `{task_name()}` waited {timeout:g} s for the connection of {owner}, held by {held}",
        hint="in the sandbox the tasks of an owner share one connection: a transaction that waits for another task "
        "waits for ever, unless that task was started inside it",
    )

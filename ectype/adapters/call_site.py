"""Where in the caller's own code a connection was asked for, and where its task stands now."""

from __future__ import annotations

from asyncio import Task
from functools import lru_cache
from inspect import currentframe
from types import CodeType, FrameType
from typing import Any, TypeAlias

Site: TypeAlias = tuple[CodeType, int]
"""A place in a program, cheap to keep: the code and the line. No frame, which would keep all its values alive."""

_OURS = __name__.partition(".")[0]
_SKIPPED = frozenset({_OURS, "asyncio", "contextlib", "asyncpg", "aiosqlite"})
"""What stands between a program and its statement."""


def of_caller() -> Site | None:
    """Return the first place outside ectype, going up from here; None when there is none."""
    frame = currentframe()
    while frame is not None:
        if _is_users(frame.f_globals.get("__name__")):
            return frame.f_code, frame.f_lineno
        frame = frame.f_back
    return None


def of_task(task: Task[Any] | None) -> Site | None:
    """Return the innermost place outside ectype at which a task waits; None when it has ended or cannot be seen.

    It costs nothing until it is asked for: the chain of coroutines that await one another is read.
    """
    found: Site | None = None
    waiting: Any = None if task is None or task.done() else task.get_coro()
    while waiting is not None:
        frame: FrameType | None = _first(waiting, "cr_frame", "gi_frame", "ag_frame")
        if frame is not None and _is_users(frame.f_globals.get("__name__")):
            found = frame.f_code, frame.f_lineno
        waiting = _first(waiting, "cr_await", "gi_yieldfrom", "ag_await")
    return found


def text(site: Site | None) -> str | None:
    """Return a site as `file:line`."""
    return None if site is None else f"{site[0].co_filename}:{site[1]}"


@lru_cache
def _is_users(module: object) -> bool:
    return not isinstance(module, str) or module.partition(".")[0] not in _SKIPPED


def _first(holder: object, *names: str) -> Any:
    for name in names:
        value: object = getattr(holder, name, None)
        if value is not None:
            return value
    return None

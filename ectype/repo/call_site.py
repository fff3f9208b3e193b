"""Where in the program a call of a repo was made."""

from __future__ import annotations

import inspect
from types import FrameType

_PASSED = ("ectype", "asyncio", "contextlib")
"""Packages whose frames are on the way from the program to a statement, and say nothing about it."""
_LOOPS = ("asyncio.events", "asyncio.base_events", "asyncio.runners", "uvloop", "uvloop.loop")
"""Below these is who runs the event loop, which is no caller."""


def call_site() -> str | None:
    """Return `file:line` of the first frame that is neither ours nor asyncio's; None when the loop comes first.

    Coroutines that await each other stand on one stack. A task of its own, as the one that makes a COMMIT safe from
    cancellation, begins a new one.
    """
    frame: FrameType | None = inspect.currentframe()
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if module in _LOOPS:
            return None
        if module.partition(".")[0] not in _PASSED:
            return f"{frame.f_code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back
    return None

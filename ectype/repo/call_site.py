"""Where in the program a call of a repo was made."""

import inspect
from types import FrameType

_OURS = ("ectype", "asyncio", "contextlib")
"""Packages whose frames are on the way from the program to a statement, and say nothing about it."""


def call_site() -> str | None:
    """Return `file:line` of the first frame that is neither ours nor the event loop's; None when there is none.

    Coroutines that await each other stand on one stack. A task of its own, as the one that makes a COMMIT safe from
    cancellation, begins a new one.
    """
    frame: FrameType | None = inspect.currentframe()
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] not in _OURS:
            # Where asyncio runs as a program, or the loop is written in C, the frame below is no caller of ours.
            return f"{frame.f_code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back
    return None

"""The garbage collector, held back while many structs are made at once.

Each of a thousand new structs counts towards the next collection, and none of them is garbage yet: collecting in
between took a third of the time of a row (`benchmarks`, sel1000).
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from threading import Lock
from typing import TypeVar

A = TypeVar("A")
T = TypeVar("T")

_lock = Lock()
_running = 0
_was_on = False


def uncollected(work: Callable[[A], T], argument: A) -> T:
    """Return `work(argument)`, with the collector off until the last of several threads is done.

    A collector that the program has turned off stays off.
    """
    global _running, _was_on  # noqa: PLW0603  # the collector is the process's own, and so is who holds it back
    with _lock:
        if not _running:
            _was_on = gc.isenabled()
            gc.disable()
        _running += 1
    try:
        return work(argument)
    finally:
        with _lock:
            _running -= 1
            if not _running and _was_on:
                gc.enable()

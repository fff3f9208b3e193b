"""How slowly a machine runs Python, beside the one on which the budgets in microseconds were set.

That machine (two processors of an AMD EPYC, CPython 3.11) took so long for three functions of the standard library that
are written in Python. A budget of 5 µs there is one of 10 µs on a machine that takes twice as long for them.
"""

from datetime import datetime
from enum import Enum
from statistics import geometric_mean
from time import process_time
from timeit import Timer
from typing import Final
from uuid import UUID


class _Colour(Enum):
    RED = "red"
    GREEN = "green"


TOOK: Final = {
    "UUID('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11')": 728e-9,
    "Colour('green')": 248e-9,
    "datetime.strptime('2026-11-29 12:30:00.123456', '%Y-%m-%d %H:%M:%S.%f')": 3_595e-9,
}
"""Seconds of CPU of a call on the machine of the budgets."""

_NAMES: Final = {"UUID": UUID, "Colour": _Colour, "datetime": datetime}
_TIMERS: Final = [(Timer(call, timer=process_time, globals=_NAMES), took) for call, took in TOOK.items()]
_SECONDS: Final = 5e-3


def slowness() -> float:
    """Return how many times as long this machine takes at this moment; 2 is half as fast. Takes some milliseconds."""
    # The mean, as a batch is judged by its mean: what disturbs the machine disturbs both.
    return geometric_mean(
        timer.timeit(calls) / calls / took for timer, took in _TIMERS for calls in [int(_SECONDS / took)]
    )

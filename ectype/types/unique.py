"""Keys that are made where the program runs and grow with time: UUIDs of version 7, and ULIDs.

Within a process each is above the one before it, whatever the clock does: beside the milliseconds stands a counter,
and what the counter cannot hold borrows from the next millisecond (RFC 9562, section 6.2, method 1). The rest is fresh
randomness each time, so that processes, also forked ones, never make the same key.
"""

from __future__ import annotations

from collections import deque
from os import urandom
from time import sleep, time_ns
from typing import Final
from uuid import UUID

_DIGITS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class _Clock:
    """Milliseconds and a counter that only grow, for threads too."""

    def __init__(self, bits: int) -> None:
        self._most = (1 << bits) - 1
        # Who takes the one pair out owns the clock until it is back: taking and giving are atomic.
        self._last = deque([(0, 0)])

    def tick(self) -> tuple[int, int]:
        """Return the next pair; a new millisecond starts somewhere in the lower half of the counter."""
        fresh = int.from_bytes(urandom(4)) & (self._most >> 1)
        while True:
            try:
                moment, counter = self._last.pop()
                break
            except IndexError:
                sleep(0)
        now = time_ns() // 1_000_000
        if now > moment:
            moment, counter = now, fresh
        elif counter < self._most:
            counter += 1
        else:
            moment, counter = moment + 1, fresh
        self._last.append((moment, counter))
        return moment, counter


_UUIDS: Final = _Clock(12)
_ULIDS: Final = _Clock(16)


def uuid7() -> UUID:
    """Return a new UUID of version 7, above every other that this process has made: it sorts by time.

    >>> first, second = uuid7(), uuid7()
    >>> first < second, first.version
    (True, 7)
    """
    moment, counter = _UUIDS.tick()
    rest = int.from_bytes(urandom(8)) >> 2
    return UUID(int=moment << 80 | 0x7 << 76 | counter << 64 | 0x2 << 62 | rest)


def ulid() -> str:
    """Return the text of a new ULID, above every other that this process has made: it sorts by time.

    >>> first, second = ulid(), ulid()
    >>> first < second, len(first)
    (True, 26)
    """
    moment, counter = _ULIDS.tick()
    number = moment << 80 | counter << 64 | int.from_bytes(urandom(8))
    return "".join([_DIGITS[number >> shift & 31] for shift in range(125, -1, -5)])

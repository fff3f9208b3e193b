"""How long a run waits for others, and how it tries again."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import Final

from ectype import telemetry
from ectype.migrations.events import WAITING, LockAwaited

CONNECT_SECONDS: Final = 10.0
POLL_SECONDS: Final = 0.25
TELL_AFTER_SECONDS: Final = 2.0
LONGEST_PAUSE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait.

    Attributes:
        lock_wait: seconds to wait for another run to end.
        lock_timeout: seconds that one statement may wait for a table lock; while it waits, everybody else who
            needs the table waits behind it.
        statement_timeout: seconds that one statement of a transaction may take on PostgreSQL; None for what the role
            and the server say.
        tries: how often a migration is tried that met such a wait.
    """

    lock_wait: float = 60.0
    lock_timeout: float = 2.0
    statement_timeout: float | None = None
    tries: int = 10


class Wait:
    """One wait for another run: it knows how long it has lasted, and tells once when that is long."""

    def __init__(self, limit: float) -> None:
        self._started = asyncio.get_running_loop().time()
        self._limit = limit
        self._told = False

    @property
    def seconds(self) -> float:
        """How long the wait has lasted."""
        return asyncio.get_running_loop().time() - self._started

    @property
    def left(self) -> float:
        """How many seconds are left; never below zero."""
        return max(0.0, self._limit - self.seconds)

    @property
    def tells_now(self) -> bool:
        """Whether the wait is long enough to be told, and was not told yet."""
        return not self._told and self.seconds >= min(TELL_AFTER_SECONDS, self._limit)

    def tell(self, holder: str | None) -> None:
        """Tell whoever listens that the run waits, and for whom."""
        self._told = True
        telemetry.emit(WAITING, LockAwaited(self.seconds, holder))

    async def pause(self) -> None:
        """Sleep a quarter of a second, more or less, so that waiting runs do not ask in step."""
        await asyncio.sleep(min(self.left, POLL_SECONDS * random.uniform(0.75, 1.25)))


async def pause_before_try(number: int) -> None:
    """Sleep before a migration is tried again: longer each time, and by chance, so that two do not meet again."""
    await asyncio.sleep(random.uniform(0, min(LONGEST_PAUSE_SECONDS, 0.1 * 2**number)))

"""What a migration run tells while it works, through `ectype.telemetry`."""

from dataclasses import dataclass
from typing import Final

from ectype.migrations.dsl import Direction

FINISHED: Final = "ectype.migrations.finished"
"""Sent with a `MigrationFinished` after each COMMIT."""

WAITING: Final = "ectype.migrations.waiting"
"""Sent with a `LockAwaited`, once a run, when the lock was not free at once."""


@dataclass(frozen=True, slots=True)
class MigrationFinished:
    """One migration has been applied or rolled back, and committed."""

    version: int
    name: str
    direction: Direction
    duration_ms: int


@dataclass(frozen=True, slots=True)
class LockAwaited:
    """The run waits for another one. `holder` says who that is, where the database knows."""

    waited_seconds: float
    holder: str | None

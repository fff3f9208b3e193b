"""What a migration run tells while it works, through `ectype.telemetry`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ectype.migrations.dsl import Direction

FINISHED: Final = "ectype.migrations.finished"
"""Sent with a `MigrationFinished` after each COMMIT."""

STARTED: Final = "ectype.migrations.started"
"""Sent with a `MigrationStarted` before each migration."""

RAN: Final = "ectype.migrations.ran"
"""Sent with a `StatementRan` after each statement of a migration; it may be rolled back yet, and run again."""

SENT: Final = "ectype.migrations.sent"
"""Sent with a `MigratorStatement` after each statement of the run itself: its locks, its transactions, its journal."""

NOTICED: Final = "ectype.migrations.noticed"
"""Sent with a `NoticeRaised` when PostgreSQL says something while a migration runs, as `RAISE NOTICE` does."""

WAITING: Final = "ectype.migrations.waiting"
"""Sent with a `LockAwaited`, once a run, when the lock was not free at once."""

STEPPED: Final = "ectype.migrations.stepped"
"""Sent with a `StepFinished` after each step of a migration that cannot be one transaction."""

BATCHED: Final = "ectype.migrations.batched"
"""Sent with a `BatchFinished` after each COMMIT of a backfill."""


@dataclass(frozen=True, slots=True)
class MigrationFinished:
    """One migration has been applied or rolled back, and committed. `notes` says what was mended on the way."""

    version: int
    name: str
    direction: Direction
    duration_ms: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MigrationStarted:
    """One migration begins, or goes on after an interruption.

    Attributes:
        version: its number.
        name: its name.
        direction: which way it goes.
        statements: how many statements it has; None where that is known only while it runs.
        done: how many of them an earlier run has done.
    """

    version: int
    name: str
    direction: Direction
    statements: int | None
    done: int = 0


@dataclass(frozen=True, slots=True)
class StatementRan:
    """One statement of a migration has run. `number` is its place in the migration, from 1."""

    version: int
    name: str
    direction: Direction
    number: int
    sql: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class MigratorStatement:
    """One statement of the run itself has run, which no migration asked for. Its parameters are not told."""

    sql: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class NoticeRaised:
    """PostgreSQL said something beside its answer, while a migration ran.

    Attributes:
        version: the migration's number.
        name: its name.
        severity: `NOTICE`, `WARNING`, `INFO`, `LOG` or `DEBUG`.
        message: what it said.
        detail: more of it, where there is more.
        hint: what it advises, where it does.
    """

    version: int
    name: str
    severity: str
    message: str
    detail: str | None
    hint: str | None


@dataclass(frozen=True, slots=True)
class StepFinished:
    """One step of a migration is done and saved; an interrupted migration goes on after it."""

    version: int
    name: str
    direction: Direction
    step: int
    steps: int


@dataclass(frozen=True, slots=True)
class LockAwaited:
    """The run waits for another one. `holder` says who that is, where the database knows."""

    waited_seconds: float
    holder: str | None


@dataclass(frozen=True, slots=True)
class BatchFinished:
    """One batch of a backfill is done and committed.

    Attributes:
        name: the backfill.
        batches: how many batches are done, those of earlier runs included.
        rows: how many rows were gone through.
        updated: how many of them were changed.
        total: about how many rows the table has; None where nobody knows.
        lag: seconds that the slowest replica is behind; None where nobody asked.
    """

    name: str
    batches: int
    rows: int
    updated: int
    total: int | None
    lag: float | None = None

"""The ways a migration run ends badly, with the data that belongs to each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ectype.errors import MigrationError


class MigrationFailedError(MigrationError):
    """A migration could not be run.

    Attributes:
        version: the migration.
        path: its file; None for a migration that code handed in.
        statement: the SQL that failed; None when it failed before or after its statements.
        unchanged: True when it was rolled back, so that the database is as before it; False when that is unknown.
        done: the versions that the same call finished before it; they stay.
    """

    def __init__(
        self,
        message: str,
        *,
        version: int,
        path: Path | None,
        statement: str | None = None,
        unchanged: bool = True,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.version = version
        self.path = path
        self.statement = statement
        self.unchanged = unchanged
        self.done: tuple[int, ...] = ()


class MigrationLockError(MigrationError):
    """The lock that lets one runner work at a time was not free in time, or was lost."""


class JournalMismatchError(MigrationError):
    """What the database says was applied, and the folder of migrations, do not belong together."""


class PendingMigrationsError(MigrationError):
    """Migrations are pending where none may be.

    Attributes:
        versions: which.
    """

    def __init__(self, versions: Sequence[int], url: str) -> None:
        shown = ", ".join(str(version) for version in versions[:5])
        more = f" and {len(versions) - 5} more" if len(versions) > 5 else ""
        count = "1 migration is" if len(versions) == 1 else f"{len(versions)} migrations are"
        super().__init__(f"{count} pending in {url}: {shown}{more}", hint="run: ectype migrate")
        self.versions = tuple(versions)


class BackfillFailedError(MigrationError):
    """A batch of a backfill failed and was rolled back; the batches before it stay, and the next run goes on."""


class RenameQuestionError(MigrationError):
    """Something is gone and something is new, and nobody said whether it is the same under another name."""

"""The ways a migration run ends badly, with the data that belongs to each."""

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


class RenameQuestionError(MigrationError):
    """Something is gone and something is new, and nobody said whether it is the same under another name."""

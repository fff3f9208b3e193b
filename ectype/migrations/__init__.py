"""Changes of the database, written down once, applied once, undone where that can be done.

from ectype.migrations import Migration

def change(m: Migration) -> None:
    with m.create_table("posts") as t:
        t.column("title", str, null=False)

await migrations.migrate(repo)
"""

from ectype.migrations.dsl import Migration
from ectype.migrations.errors import JournalMismatchError, MigrationFailedError, MigrationLockError
from ectype.migrations.events import LockAwaited, MigrationFinished
from ectype.migrations.generate import new_migration
from ectype.migrations.index_commands import indexed
from ectype.migrations.keys import references, set_default, set_null
from ectype.migrations.recording import Direction
from ectype.migrations.report import MigrationStatus, status
from ectype.migrations.runner import HasAdapter, applied, down, migrate, rollback, up
from ectype.migrations.tables import was
from ectype.sql.ddl import Raw

__all__ = [
    "Direction",
    "HasAdapter",
    "JournalMismatchError",
    "LockAwaited",
    "Migration",
    "MigrationFailedError",
    "MigrationFinished",
    "MigrationLockError",
    "MigrationStatus",
    "Raw",
    "applied",
    "down",
    "indexed",
    "migrate",
    "new_migration",
    "references",
    "rollback",
    "set_default",
    "set_null",
    "status",
    "up",
    "was",
]

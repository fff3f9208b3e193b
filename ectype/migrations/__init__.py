"""Changes of the database, written down once, applied once, undone where that can be done.

from ectype.migrations import Migration

def change(m: Migration) -> None:
    with m.create_table("posts") as t:
        t.column("title", str, null=False)

await migrations.migrate(repo)
"""

from ectype.migrations.backfill_text import Backfill
from ectype.migrations.backfilling import BackfillResult, backfill
from ectype.migrations.checks import Finding
from ectype.migrations.dsl import Migration
from ectype.migrations.errors import (
    BackfillFailedError,
    JournalMismatchError,
    MigrationFailedError,
    MigrationLockError,
    PendingMigrationsError,
)
from ectype.migrations.events import (
    BatchFinished,
    LockAwaited,
    MigrationFinished,
    MigrationStarted,
    MigratorStatement,
    NoticeRaised,
    StatementRan,
    StepFinished,
)
from ectype.migrations.generate import new_migration
from ectype.migrations.index_commands import indexed
from ectype.migrations.keys import references, set_default, set_null
from ectype.migrations.lock_file import write_lock_file
from ectype.migrations.planning import PlannedMigration, PlannedStatement, RunPlan, plan_run
from ectype.migrations.rebasing import Rebased, Renumbered, rebase
from ectype.migrations.recording import Direction
from ectype.migrations.report import MigrationStatus, lock_holder, status
from ectype.migrations.resolving import baseline, resolve
from ectype.migrations.runner import applied, down, migrate, rollback, up
from ectype.migrations.schema_hash import schema_hash
from ectype.migrations.sessions import HasAdapter
from ectype.migrations.squashing import Squashed, squash
from ectype.migrations.steps import Goal
from ectype.migrations.tables import was
from ectype.migrations.tenancy import TenantOutcome, migrate_tenants, tenants, tenants_status
from ectype.migrations.testing import check_migrations
from ectype.migrations.verifying import pending, require, verify
from ectype.sql.ddl import Raw

__all__ = [
    "Backfill",
    "BackfillFailedError",
    "BackfillResult",
    "BatchFinished",
    "Direction",
    "Finding",
    "Goal",
    "HasAdapter",
    "JournalMismatchError",
    "LockAwaited",
    "Migration",
    "MigrationFailedError",
    "MigrationFinished",
    "MigrationLockError",
    "MigrationStarted",
    "MigrationStatus",
    "MigratorStatement",
    "NoticeRaised",
    "PendingMigrationsError",
    "PlannedMigration",
    "PlannedStatement",
    "Raw",
    "Rebased",
    "Renumbered",
    "RunPlan",
    "Squashed",
    "StatementRan",
    "StepFinished",
    "TenantOutcome",
    "applied",
    "backfill",
    "baseline",
    "check_migrations",
    "down",
    "indexed",
    "lock_holder",
    "migrate",
    "migrate_tenants",
    "new_migration",
    "pending",
    "plan_run",
    "rebase",
    "references",
    "require",
    "resolve",
    "rollback",
    "schema_hash",
    "set_default",
    "set_null",
    "squash",
    "status",
    "tenants",
    "tenants_status",
    "up",
    "verify",
    "was",
    "write_lock_file",
]

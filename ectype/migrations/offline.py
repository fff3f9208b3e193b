"""A run as one SQL script, for whoever may change the database and does not run Python there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ectype.errors import MigrationError
from ectype.migrations.history import ADDED_SINCE, table_of
from ectype.migrations.planning import PlannedMigration, RunPlan
from ectype.sql.ddl import AddColumn, AlterTable, CreateTable
from ectype.sql.ddl_compiler import compile_ddl
from ectype.types.base import Target

NOW: Final[dict[Target, str]] = {
    "postgres": "CURRENT_TIMESTAMP",
    "sqlite": "strftime('%Y-%m-%d %H:%M:%S', 'now') || '.000000'",
}
BEGIN: Final[dict[Target, tuple[str, ...]]] = {
    "postgres": ("BEGIN", "SET LOCAL lock_timeout = '2s'"),
    "sqlite": ("BEGIN IMMEDIATE",),
}


def script(plan: RunPlan, *, version: str, prefix: str | None = None) -> str:
    """Return the SQL of a plan, with the rows of the journal, for `psql -v ON_ERROR_STOP=1 -f` or `sqlite3 -bail`.

    What is one transaction for `ectype migrate` is one here. What is not stands alone, statement by statement.

    Args:
        plan: the run.
        version: the version of ectype, for the journal.
        prefix: the PostgreSQL schema.

    Raises:
        MigrationError: a migration builds a table anew, which it does by looking at the table.
    """
    for migration in plan.migrations:
        if any(statement.sql.lstrip().startswith("--") for statement in migration.statements):
            raise MigrationError(
                f"{migration.version} {migration.name} builds a table anew from what it finds there, so no script can "
                f"say it ({plan.dialect.name})",
                hint="run it with `ectype migrate`",
            )
    return "".join(f"{line}\n" for line in _lines(plan, version, prefix))


def _lines(plan: RunPlan, version: str, prefix: str | None) -> Iterator[str]:
    target, journal = plan.dialect.target, table_of(plan.journal)
    yield f"-- {len(plan.migrations)} migrations for {plan.dialect.name}, as ectype would run them"
    if prefix is not None:
        quoted = prefix.replace('"', '""')
        yield f'SET search_path TO "{quoted}";'
    if not plan.has_journal:
        yield from (_ended(sql) for sql in compile_ddl(CreateTable(journal), plan.dialect))
    elif not plan.is_journal_current:
        added = tuple(AddColumn(column) for column in journal.columns if column.name in ADDED_SINCE)
        yield from (_ended(sql) for sql in compile_ddl(AlterTable(plan.journal, added), plan.dialect))
    for migration in plan.migrations:
        yield ""
        yield f"-- {migration.version} {migration.name}, {migration.direction}"
        if migration.transaction:
            yield from (_ended(sql) for sql in BEGIN[target])
        yield from (_ended(statement.sql) for statement in migration.statements)
        yield _ended(_row(migration, plan.journal, target, version))
        if migration.transaction:
            yield "COMMIT;"


def _row(migration: PlannedMigration, journal: str, target: Target, version: str) -> str:
    now = NOW[target]
    checksum = "NULL" if migration.checksum is None else f"'{migration.checksum}'"
    return (
        f'INSERT INTO "{journal}"\n'
        "  (version, name, checksum, state, started_at, finished_at, duration_ms, ectype_version, host)\n"
        f"VALUES ({migration.version}, '{migration.name}', {checksum}, '{migration.direction}', {now}, {now}, 0, "
        f"'{version}', 'script')\n"
        "ON CONFLICT (version) DO UPDATE SET\n"
        "  name = excluded.name, checksum = excluded.checksum, state = excluded.state,\n"
        "  started_at = excluded.started_at, finished_at = excluded.finished_at, duration_ms = 0,\n"
        "  host = excluded.host, step = NULL, steps = NULL, checkpoint = NULL"
    )


def _ended(sql: str) -> str:
    # A remark at the end would swallow the semicolon.
    return f"{sql}\n;" if "--" in sql.rpartition("\n")[2] else f"{sql};"

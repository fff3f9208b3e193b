"""What a run would do, statement by statement, with what each does to those who use the database meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ectype.adapters.base import Connection
from ectype.errors import DatabaseError
from ectype.migrations.body import body_of_script
from ectype.migrations.checks import check_run, going
from ectype.migrations.dsl import Direction
from ectype.migrations.effects import Effect, effect
from ectype.migrations.execution import Prepared, prepare, refuse_live
from ectype.migrations.history import Entry
from ectype.migrations.scripts import Folders, find
from ectype.migrations.sessions import HasAdapter, connected, reading
from ectype.migrations.steps import Goal, plan
from ectype.migrations.stepwise import steps_of, texts_of
from ectype.sql.dialect import Dialect
from ectype.types.base import Target

# Both cost nothing: the statistics of the last ANALYZE, and the end of a B-tree.
COUNT: Final[dict[Target, str]] = {
    "postgres": "SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass('{text}')",
    "sqlite": "SELECT max(rowid) FROM {name}",
}


@dataclass(frozen=True, slots=True)
class PlannedStatement:
    """One statement.

    Attributes:
        sql: its text.
        effect: what it does to others.
        rows: about how many rows its table has: the last ANALYZE's on PostgreSQL, at most as many on SQLite; None
            where nobody knows, or the table is new.
    """

    sql: str
    effect: Effect
    rows: int | None


@dataclass(frozen=True, slots=True)
class PlannedMigration:
    """One migration.

    Attributes:
        version: its number.
        name: its name.
        direction: where it goes.
        transaction: whether it is one transaction.
        statements: what is left to run of it.
        done: how many of its steps an interrupted run has done.
        checksum: that of its file.
    """

    version: int
    name: str
    direction: Direction
    transaction: bool
    statements: tuple[PlannedStatement, ...]
    done: int
    checksum: str | None


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What a run would do.

    Attributes:
        dialect: the database's.
        journal: the table of the journal.
        has_journal: whether the table of the journal is there.
        is_journal_current: whether it is as this version makes it.
        migrations: in the order in which they would run.
    """

    dialect: Dialect
    journal: str
    has_journal: bool
    is_journal_current: bool
    migrations: tuple[PlannedMigration, ...]


async def plan_run(
    repo: HasAdapter,
    folder: Folders,
    goal: Goal,
    *,
    prefix: str | None = None,
    strict_order: bool = False,
) -> RunPlan:
    """Return what `migrate` or `rollback` would do now. It changes nothing, and takes no lock.

    Args:
        repo: the repo, or whatever has an adapter.
        folder: the folder of migrations.
        goal: how far to go, and in which direction.
        prefix: the PostgreSQL schema.
        strict_order: refuse a pending migration that is older than an applied one.

    Raises:
        JournalMismatchError: the run would be refused.
        MigrationError: the folder, or the options, cannot be used.
        ConnectError: the database cannot be reached.
    """
    scripts = find(folder)
    dialect = repo.adapter.dialect
    async with reading(repo, prefix) as journal:
        has_journal = await journal.exists()
        is_current = has_journal and await journal.is_current()
        entries = await journal.read()
    steps = plan(going(entries, goal.direction), scripts, goal)
    check_run(entries, scripts, steps, strict_order=strict_order)
    ready = [await prepare(body_of_script(step.script), goal.direction, dialect, prefix=prefix) for step in steps]
    for one in ready:
        refuse_live(one, "what it will run is known only while it runs")
    async with connected(repo, prefix) as connection:
        found = [await _planned(connection, one, entries.get(one.body.version), dialect) for one in ready]
    return RunPlan(dialect, repo.adapter.migrating.source, has_journal, is_current, tuple(found))


async def _planned(
    connection: Connection, prepared: Prepared, entry: Entry | None, dialect: Dialect
) -> PlannedMigration:
    steps = steps_of(prepared, dialect)
    done = entry.step or 0 if entry is not None and entry.is_resumable else 0
    if steps:
        effects = [(step.statement.sql, step.effect) for step in steps[done:]]
    else:
        texts = [sql for statement in prepared.statements for sql in texts_of(statement, dialect)]
        effects = [(sql, effect(sql, dialect.target)) for sql in texts]
    statements = [PlannedStatement(sql, what, await estimate(connection, what.table, dialect)) for sql, what in effects]
    body = prepared.body
    return PlannedMigration(
        body.version, body.name, prepared.direction, not steps, tuple(statements), done, body.checksum
    )


async def estimate(connection: Connection, table: str | None, dialect: Dialect) -> int | None:
    """Return about how many rows a table has, from what the database knows already; None where it does not.

    Args:
        connection: outside a transaction, since the question may fail.
        table: its name as SQL text.
        dialect: the database's.
    """
    if table is None:
        return None
    sql = COUNT[dialect.target].format(text=table.replace("'", "''"), name=table)
    try:
        rows = await connection.fetch(sql, (), list)
    except DatabaseError:
        # SQLite: the table is not there yet, or has no row ids.
        return None
    count = rows[0][0] if rows else None
    return None if count is None or count < 0 else int(count)

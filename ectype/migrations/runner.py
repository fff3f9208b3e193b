"""The conductor: what `ectype migrate` and `ectype rollback` do, from code."""

from __future__ import annotations

from collections.abc import Sequence

from ectype.errors import MigrationError
from ectype.migrations.body import body_of_code, body_of_script
from ectype.migrations.checks import check_run, going, refuse, settled
from ectype.migrations.dsl import Direction
from ectype.migrations.errors import MigrationFailedError
from ectype.migrations.execution import Prepared, Session, prepare, run
from ectype.migrations.lock_file import missing_files
from ectype.migrations.patience import Patience
from ectype.migrations.scripts import Folders, Script, checksum, find, folders_of
from ectype.migrations.sessions import HasAdapter, reading, working
from ectype.migrations.steps import Goal, Step, plan
from ectype.migrations.stepwise import Step as Single
from ectype.migrations.stepwise import run_steps, steps_of


async def migrate(
    repo: HasAdapter,
    folder: Folders = "migrations",
    *,
    step: int | None = None,
    to: int | None = None,
    to_exclusive: int | None = None,
    all: bool = False,  # noqa: A002  # Ecto's word
    prefix: str | None = None,
    strict_order: bool = False,
    fake: bool = False,
    lock_wait: float = 60.0,
    lock_timeout: float = 2.0,
    statement_timeout: float | None = None,
) -> list[int]:
    """Apply what is pending and return its versions, in the order in which they were applied.

    Each migration runs in one transaction with its row of the journal. One that cannot, as one that makes an index
    concurrently, runs step by step; after an interruption the next run goes on where it ended. Runs that start at
    once apply each migration once: the others wait, and then find it applied.

    Args:
        repo: the repo, or whatever has an adapter.
        folder: the folder of migrations, or several, whose migrations are one row by version.
        step: how many to apply at most.
        to: the last version to apply.
        to_exclusive: the first version not to apply.
        all: apply everything, which is what happens without `step` and `to`.
        prefix: the PostgreSQL schema that holds the journal and all that the migrations name without a schema.
        strict_order: refuse a pending migration that is older than an applied one.
        fake: write into the journal that they are applied, and run nothing.
        lock_wait: seconds to wait for another run to end.
        lock_timeout: seconds that a statement may wait for a table on PostgreSQL; the migration is then rolled
            back, and tried again up to ten times.
        statement_timeout: seconds that a statement of a transaction may take on PostgreSQL; without it what the role
            and the server say.

    Raises:
        MigrationFailedError: a migration failed; it says whether it was rolled back. Those before it stay.
        JournalMismatchError: an applied file was edited, or the order is wrong; nothing was done.
        MigrationLockError: another run did not end in time.
        MigrationError: the folder, or the options, cannot be used.
        ConfigError: there is no such schema.
        UnsupportedError: `statement_timeout` on SQLite.
        ConnectError: the database cannot be reached.
    """
    goal = Goal("up", step=step, to=to, to_exclusive=to_exclusive, everything=all)
    patience = Patience(lock_wait, lock_timeout, statement_timeout)
    return await _reach(repo, folder, goal, patience, prefix=prefix, strict_order=strict_order, fake=fake)


async def rollback(
    repo: HasAdapter,
    folder: Folders = "migrations",
    *,
    step: int | None = None,
    to: int | None = None,
    to_exclusive: int | None = None,
    all: bool = False,  # noqa: A002  # Ecto's word
    prefix: str | None = None,
    fake: bool = False,
    lock_wait: float = 60.0,
    lock_timeout: float = 2.0,
    statement_timeout: float | None = None,
) -> list[int]:
    """Roll back what was applied last and return its versions, in the order in which they were rolled back.

    The arguments are those of `migrate`; without `step`, `to`, `to_exclusive` and `all` it is one migration, `to`
    names the last one that is rolled back, and `to_exclusive` the one that stays.

    Raises:
        IrreversibleError: a migration cannot be rolled back; nothing was done.
        JournalMismatchError: the file of a migration is gone or was edited; nothing was done.
        MigrationFailedError: a migration failed; those before it stay rolled back.
        MigrationLockError: another run did not end in time.
        MigrationError: the folder, or the options, cannot be used.
        ConfigError: there is no such schema.
        ConnectError: the database cannot be reached.
    """
    goal = Goal("down", step=step, to=to, to_exclusive=to_exclusive, everything=all)
    patience = Patience(lock_wait, lock_timeout, statement_timeout)
    return await _reach(repo, folder, goal, patience, prefix=prefix, strict_order=False, fake=fake)


async def up(repo: HasAdapter, version: int, migration: object, *, prefix: str | None = None) -> bool:
    """Apply one migration that code hands in, and say whether it had not been applied yet.

    `migration` is a module, an object with `change` or with `up` and `down`, or a function that takes the `m`.

    Raises:
        MigrationFailedError: it failed and was rolled back.
        MigrationLockError: another run did not end in time.
        MigrationError: it is no migration.
        ConnectError: the database cannot be reached.
    """
    return await _one(repo, version, migration, "up", prefix)


async def down(repo: HasAdapter, version: int, migration: object, *, prefix: str | None = None) -> bool:
    """Roll back one migration that code hands in, and say whether it was applied.

    Raises:
        IrreversibleError: it cannot be rolled back; nothing was done.
        MigrationFailedError: it failed; it is still applied.
        MigrationLockError: another run did not end in time.
        MigrationError: it is no migration.
        ConnectError: the database cannot be reached.
    """
    return await _one(repo, version, migration, "down", prefix)


async def applied(repo: HasAdapter, *, prefix: str | None = None) -> list[int]:
    """Return the versions that are applied, in rising order. It writes nothing.

    Raises:
        MigrationError: the journal is another tool's table.
        ConnectError: the database cannot be reached.
    """
    async with reading(repo, prefix) as journal:
        return sorted(settled(await journal.read()))


async def _reach(
    repo: HasAdapter,
    folder: Folders,
    goal: Goal,
    patience: Patience,
    *,
    prefix: str | None,
    strict_order: bool,
    fake: bool,
) -> list[int]:
    scripts = find(folder)
    async with working(repo, patience, prefix) as session:
        entries = await session.journal.read()
        steps = plan(going(entries, goal.direction), scripts, goal)
        refuse(missing_files(folders_of(folder), scripts))
        check_run(entries, scripts, steps, strict_order=strict_order)
        if fake:
            return await _record_all(session, steps)
        bodies = [body_of_script(step.script) for step in steps]
        # Everything is prepared before anything runs, so that what can be refused is refused with nothing done.
        ready = [await prepare(body, goal.direction, repo.adapter.dialect, prefix=prefix) for body in bodies]
        return await _run_all(session, [(one, steps_of(one, repo.adapter.dialect)) for one in ready])


async def _record_all(session: Session, steps: Sequence[Step]) -> list[int]:
    await session.guard.begin(session.connection)
    there = settled(await session.journal.read())
    left = [step for step in steps if (step.script.version in there) == (step.direction == "down")]
    for step in left:
        script: Script = step.script
        await session.journal.record(script.version, script.name, checksum(script.path), step.direction)
    await session.connection.commit()
    return [step.script.version for step in left]


async def _run_all(session: Session, ready: Sequence[tuple[Prepared, tuple[Single, ...]]]) -> list[int]:
    done: list[int] = []
    for prepared, steps in ready:
        try:
            if await _run_one(session, prepared, steps):
                done.append(prepared.body.version)
        except MigrationFailedError as exc:
            exc.done = tuple(done)
            raise
    return done


async def _run_one(session: Session, prepared: Prepared, steps: tuple[Single, ...]) -> bool:
    """Run one migration, in a transaction or step by step, and say whether it was ours to run."""
    return await run_steps(session, prepared, steps) if steps else await run(session, prepared)


async def _one(repo: HasAdapter, version: int, migration: object, direction: Direction, prefix: str | None) -> bool:
    if not 0 < version < 2**63:
        raise MigrationError(f"the version {version} is out of range", hint="give a positive number, as 20261121070000")
    body = body_of_code(version, migration)
    async with working(repo, Patience(), prefix) as session:
        prepared = await prepare(body, direction, repo.adapter.dialect, prefix=prefix)
        return await _run_one(session, prepared, steps_of(prepared, repo.adapter.dialect))

"""The conductor: what `ectype migrate` and `ectype rollback` do, from code."""

import contextlib
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

from ectype.adapters.base import Adapter, Connection
from ectype.adapters.connections import Connections
from ectype.errors import MigrationError, UnsupportedError
from ectype.migrations.body import body_of_code, body_of_script
from ectype.migrations.dsl import Direction
from ectype.migrations.errors import JournalMismatchError, MigrationFailedError
from ectype.migrations.execution import Prepared, Session, prepare, run
from ectype.migrations.guard import hold
from ectype.migrations.history import TABLE, Entry, Journal
from ectype.migrations.patience import CONNECT_SECONDS, Patience
from ectype.migrations.scripts import find
from ectype.migrations.steps import Goal, plan


class HasAdapter(Protocol):
    """What migrations need of a `Repo`: where its database is. They make connections of their own."""

    @property
    def adapter(self) -> Adapter:
        """The adapter of the repo's database."""
        ...


@runtime_checkable
class HasPool(Protocol):
    """What a `Repo` has besides: the pool that holds the one connection of a database in memory."""

    @property
    def pool(self) -> Connections:
        """The repo's pool."""
        ...


async def migrate(
    repo: HasAdapter,
    folder: str | Path = "migrations",
    *,
    step: int | None = None,
    to: int | None = None,
    all: bool = False,  # noqa: A002  # Ecto's word
    lock_wait: float = 60.0,
    lock_timeout: float = 2.0,
) -> list[int]:
    """Apply what is pending and return its versions, in the order in which they were applied.

    Each migration runs in one transaction with its row of the journal. Runs that start at once apply each
    migration once: the others wait, and then find it applied.

    Args:
        repo: the repo, or whatever has an adapter.
        folder: the folder of migrations.
        step: how many to apply at most.
        to: the last version to apply.
        all: apply everything, which is what happens without `step` and `to`.
        lock_wait: seconds to wait for another run to end.
        lock_timeout: seconds that a statement may wait for a table on PostgreSQL; the migration is then rolled
            back, and tried again up to ten times.

    Raises:
        MigrationFailedError: a migration failed and was rolled back; those before it stay.
        MigrationLockError: another run did not end in time.
        MigrationError: the folder, or the options, cannot be used.
        ConnectError: the database cannot be reached.
    """
    goal = Goal("up", step=step, to=to, everything=all)
    return await _reach(repo, Path(folder), goal, Patience(lock_wait, lock_timeout))


async def rollback(
    repo: HasAdapter,
    folder: str | Path = "migrations",
    *,
    step: int | None = None,
    to: int | None = None,
    all: bool = False,  # noqa: A002  # Ecto's word
    lock_wait: float = 60.0,
    lock_timeout: float = 2.0,
) -> list[int]:
    """Roll back what was applied last and return its versions, in the order in which they were rolled back.

    The arguments are those of `migrate`; without `step`, `to` and `all` it is one migration, and `to` names the
    last one that is rolled back.

    Raises:
        IrreversibleError: a migration cannot be rolled back; nothing was done.
        JournalMismatchError: the file of a migration is gone; nothing was done.
        MigrationFailedError: a migration failed; those before it stay rolled back.
        MigrationLockError: another run did not end in time.
        MigrationError: the folder, or the options, cannot be used.
        ConnectError: the database cannot be reached.
    """
    goal = Goal("down", step=step, to=to, everything=all)
    return await _reach(repo, Path(folder), goal, Patience(lock_wait, lock_timeout))


async def up(repo: HasAdapter, version: int, migration: object) -> bool:
    """Apply one migration that code hands in, and say whether it had not been applied yet.

    `migration` is a module, an object with `change` or with `up` and `down`, or a function that takes the `m`.

    Raises:
        MigrationFailedError: it failed and was rolled back.
        MigrationLockError: another run did not end in time.
        MigrationError: it is no migration.
        ConnectError: the database cannot be reached.
    """
    return await _one(repo, version, migration, "up")


async def down(repo: HasAdapter, version: int, migration: object) -> bool:
    """Roll back one migration that code hands in, and say whether it was applied.

    Raises:
        IrreversibleError: it cannot be rolled back; nothing was done.
        MigrationFailedError: it failed; it is still applied.
        MigrationLockError: another run did not end in time.
        MigrationError: it is no migration.
        ConnectError: the database cannot be reached.
    """
    return await _one(repo, version, migration, "down")


async def applied(repo: HasAdapter) -> list[int]:
    """Return the versions that are applied, in rising order. It writes nothing.

    Raises:
        MigrationError: the journal is another tool's table.
        ConnectError: the database cannot be reached.
    """
    async with reading(repo) as journal:
        return sorted(version for version, entry in (await journal.read()).items() if entry.state == "up")


@contextlib.asynccontextmanager
async def reading(repo: HasAdapter) -> AsyncGenerator[Journal]:
    """Open a connection to read the journal, without a lock; close it at the end of the block."""
    async with _connected(repo) as connection:
        yield Journal(connection, repo.adapter.dialect)


async def _reach(repo: HasAdapter, folder: Path, goal: Goal, patience: Patience) -> list[int]:
    scripts = find(folder)
    async with _session(repo, patience) as session:
        steps = plan(_applied(await session.journal.read()), scripts, goal)
        bodies = [body_of_script(step.script) for step in steps]
        # Everything is prepared before anything runs, so that what can be refused is refused with nothing done.
        ready = [await prepare(body, goal.direction, repo.adapter.dialect) for body in bodies]
        return await _run_all(session, ready)


def _applied(entries: Mapping[int, Entry]) -> dict[int, str]:
    for entry in entries.values():
        if entry.is_partial:
            where = f"WHERE version = {entry.version}"
            raise JournalMismatchError(
                f"{entry.version} {entry.name} ended half-way going {entry.state}: a COMMIT in its text saved a part",
                hint="look at the database, finish it by hand, and say so:\n\n"
                f"    UPDATE {TABLE} SET finished_at = started_at {where};\n\n"
                f"or undo it by hand, and say so:\n\n    DELETE FROM {TABLE} {where};",
            )
    return {entry.version: entry.name for entry in entries.values() if entry.state == "up"}


async def _run_all(session: Session, ready: list[Prepared]) -> list[int]:
    done: list[int] = []
    for prepared in ready:
        try:
            if await run(session, prepared):
                done.append(prepared.body.version)
        except MigrationFailedError as exc:
            exc.done = tuple(done)
            raise
    return done


async def _one(repo: HasAdapter, version: int, migration: object, direction: Direction) -> bool:
    if not 0 < version < 2**63:
        raise MigrationError(f"the version {version} is out of range", hint="give a positive number, as 20261121070000")
    body = body_of_code(version, migration)
    async with _session(repo, Patience()) as session:
        return await run(session, await prepare(body, direction, repo.adapter.dialect))


@contextlib.asynccontextmanager
async def _session(repo: HasAdapter, patience: Patience) -> AsyncGenerator[Session]:
    # The lock comes first: even the journal's table must not be made by two at once.
    async with hold(repo.adapter, patience) as guard, _connected(repo) as connection:
        session = Session(repo.adapter, connection, guard, Journal(connection, repo.adapter.dialect), patience)
        await _ensure_journal(session)
        yield session


async def _ensure_journal(session: Session) -> None:
    if await session.journal.exists():
        return
    await session.guard.begin(session.connection)
    if not await session.journal.exists():
        await session.journal.create()
    await session.connection.commit()


@contextlib.asynccontextmanager
async def _connected(repo: HasAdapter) -> AsyncGenerator[Connection]:
    if repo.adapter.single:
        async with _borrowed(repo) as connection:
            yield connection
        return
    connection = await repo.adapter.connect(CONNECT_SECONDS)
    try:
        yield connection
    finally:
        await connection.close()


@contextlib.asynccontextmanager
async def _borrowed(repo: HasAdapter) -> AsyncGenerator[Connection]:
    if not isinstance(repo, HasPool):
        raise UnsupportedError(
            f"{repo.adapter.url} ends with its connection, so nothing of a migration would be left "
            f"({repo.adapter.dialect.name})",
            hint="migrate a database in a file, or in memory the one of an open `Repo`",
        )
    connection = await repo.pool.acquire(CONNECT_SECONDS)
    try:
        yield connection
    finally:
        repo.pool.release(connection, reset=True)

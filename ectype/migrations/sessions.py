"""The connections of a run: one that holds the lock, one that works, or one that only reads."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from typing import Final, Protocol, runtime_checkable

from ectype.adapters.base import Adapter, Connection
from ectype.adapters.connections import Connections
from ectype.errors import ConfigError, DatabaseError, MigrationError, UnsupportedError, did_you_mean
from ectype.migrations.execution import Session
from ectype.migrations.guard import hold
from ectype.migrations.history import Journal
from ectype.migrations.overheard import OverheardConnection
from ectype.migrations.patience import CONNECT_SECONDS, Patience

NO_RIGHTS: Final = ("42501", "3F000")
SCHEMAS: Final = "SELECT nspname::text FROM pg_namespace WHERE nspname !~ '^pg_' ORDER BY nspname"


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


@contextlib.asynccontextmanager
async def reading(repo: HasAdapter, prefix: str | None = None) -> AsyncGenerator[Journal]:
    """Open a connection to read the journal, without a lock; close it at the end of the block."""
    async with connected(repo, prefix) as connection:
        yield _journal(repo, connection)


@contextlib.asynccontextmanager
async def working(
    repo: HasAdapter, patience: Patience, prefix: str | None = None, purpose: str = ""
) -> AsyncGenerator[Session]:
    """Hold the lock, connect, and see to it that the journal is there; end all of it at the end of the block.

    Args:
        repo: the repo, or whatever has an adapter.
        patience: how long to wait for others.
        prefix: the PostgreSQL schema of the journal and of all that names none.
        purpose: what the lock is for; runs of different purposes do not wait for each other.

    Raises:
        MigrationLockError: another run did not end in time.
        ConfigError: there is no such schema.
    """
    # The lock comes first: even the journal's table must not be made by two at once.
    scope = ":".join(part for part in (prefix or "", purpose) if part)
    async with hold(repo.adapter, patience, scope) as guard, _worker(repo, prefix) as connection:
        told = OverheardConnection(connection, repo.adapter.begin_text)
        session = Session(repo.adapter, told, guard, _journal(repo, told), patience)
        await _ensure_journal(session)
        yield session


def _journal(repo: HasAdapter, connection: Connection) -> Journal:
    return Journal(connection, repo.adapter.dialect, repo.adapter.migrating.source)


async def _ensure_journal(session: Session) -> None:
    journal = session.journal
    if await journal.exists() and await journal.is_current():
        return
    # Another tool's table of this name is refused here, before it is changed.
    await journal.read()
    await session.guard.begin(session.connection)
    # Where no lock outlives a transaction, somebody else may have made it just now.
    try:
        await (journal.upgrade() if await journal.exists() else journal.create())
    except DatabaseError as exc:
        if exc.sqlstate not in NO_RIGHTS:
            raise
        raise MigrationError(
            f"the journal `{journal.name}` cannot be made: {exc.message}",
            hint="run it as the owner of the schema, or give the role the right: GRANT CREATE ON SCHEMA public TO …",
        ) from exc
    await session.connection.commit()


@contextlib.asynccontextmanager
async def connected(repo: HasAdapter, prefix: str | None = None) -> AsyncGenerator[Connection]:
    """Open a connection of its own, where names without a schema mean `prefix`; close it at the end of the block.

    Raises:
        ConfigError: there is no such schema.
        UnsupportedError: the database has no schemas, or ends with its connection.
    """
    if prefix is not None and not repo.adapter.dialect.schemas:
        raise UnsupportedError(
            f"prefix={prefix!r} is not what {repo.adapter.dialect.name} can do: it has no schemas",
            hint="give each tenant a file of its own, and name it with `--database`",
        )
    if repo.adapter.single:
        async with _borrowed(repo) as connection:
            yield connection
        return
    adapter = repo.adapter
    # Where the path is looked for is a matter of the session, which a pooler may not keep.
    connection = await (adapter.connect if prefix is None else adapter.connect_session)(CONNECT_SECONDS)
    try:
        if prefix is not None:
            await _enter(connection, prefix)
        yield connection
    finally:
        await connection.close()


@contextlib.asynccontextmanager
async def _worker(repo: HasAdapter, prefix: str | None) -> AsyncGenerator[Connection]:
    """Open the connection that changes the database: beside that of the lock, around a pooler where that one is."""
    if repo.adapter.single or prefix is not None or repo.adapter.migrating.lock != "session":
        async with connected(repo, prefix) as connection:
            yield connection
        return
    connection = await repo.adapter.connect_session(CONNECT_SECONDS)
    try:
        yield connection
    finally:
        await connection.close()


async def schemas(connection: Connection) -> list[str]:
    """Return the schemas of a PostgreSQL database, without those of the system."""
    return [row[0] for row in await connection.fetch(SCHEMAS, (), list)]


async def _enter(connection: Connection, prefix: str) -> None:
    there = await schemas(connection)
    if prefix not in there:
        raise ConfigError(
            f"there is no schema `{prefix}` in this database",
            hint=did_you_mean(prefix, there) or f'make it first: CREATE SCHEMA "{prefix}"',
        )
    # Nothing else stands in the path: a name that is missing here must not be found in another tenant's schema.
    quoted = prefix.replace('"', '""')
    await connection.execute(f'SET search_path TO "{quoted}"')


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

"""The same migrations in many PostgreSQL schemas, one for each tenant: some at a time, each with its own journal."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final, Generic, TypeVar

from ectype.errors import EctypeError, MigrationError, UnsupportedError
from ectype.migrations.report import MigrationStatus, status
from ectype.migrations.runner import migrate
from ectype.migrations.scripts import Folders
from ectype.migrations.sessions import HasAdapter, connected, schemas
from ectype.migrations.steps import Goal

T = TypeVar("T")
EVERYTHING: Final = Goal("up")


@dataclass(frozen=True, slots=True)
class TenantOutcome(Generic[T]):
    """What came of one schema.

    Attributes:
        tenant: the schema.
        value: the result; None when it failed, or was not begun.
        error: why it failed; None when it did not.
        skipped: whether it was not begun, because another one had failed.
    """

    tenant: str
    value: T | None = None
    error: EctypeError | None = None
    skipped: bool = False


async def tenants(repo: HasAdapter, glob: str) -> list[str]:
    """Return the schemas whose names fit a pattern such as `tenant_*`, by name.

    Raises:
        UnsupportedError: the database has no schemas.
        MigrationError: none fits.
        ConnectError: the database cannot be reached.
    """
    if not repo.adapter.dialect.schemas:
        raise UnsupportedError(
            f"tenants in schemas are not what {repo.adapter.dialect.name} can do: it has no schemas",
            hint="give each tenant a file of its own, and run `ectype migrate --database` for each",
        )
    async with connected(repo) as connection:
        there = [name for name in await schemas(connection) if name != "information_schema"]
    found = [name for name in there if fnmatchcase(name, glob)]
    if not found:
        raise MigrationError(
            f"no schema fits {glob!r}", hint=f"there are: {', '.join(there[:10])}" if there else "there is none"
        )
    return found


async def migrate_tenants(
    repo: HasAdapter,
    glob: str,
    folder: Folders = "migrations",
    *,
    parallel: int = 8,
    fail_fast: bool = False,
    goal: Goal = EVERYTHING,
    strict_order: bool = False,
    fake: bool = False,
    lock_wait: float = 60.0,
    lock_timeout: float = 2.0,
    statement_timeout: float | None = None,
    told: Callable[[TenantOutcome[list[int]]], None] | None = None,
) -> list[TenantOutcome[list[int]]]:
    """Apply what is pending in every schema that fits, and return what came of each, by name.

    A failure in one schema leaves the others alone.

    Args:
        repo: the repo, or whatever has an adapter.
        glob: which schemas, as `tenant_*`.
        folder: the folder of migrations.
        parallel: how many at once; each takes two connections.
        fail_fast: begin no other after one has failed.
        goal: how far to go in each, as `Goal("up", step=1)`.
        strict_order: refuse a pending migration that is older than an applied one.
        fake: write into the journals that they are applied, and run nothing.
        lock_wait: seconds to wait for another run in the same schema.
        lock_timeout: seconds that a statement may wait for a table.
        statement_timeout: seconds that a statement of a transaction may take.
        told: called with each outcome as it comes.

    Raises:
        UnsupportedError: the database has no schemas.
        MigrationError: no schema fits, `parallel` is below 1, or the goal goes down.
        ConnectError: the database cannot be reached.
    """
    if goal.direction != "up":
        raise MigrationError("the goal of `migrate_tenants` goes down", hint='give Goal("up", …)')

    def one(tenant: str) -> Awaitable[list[int]]:
        return migrate(
            repo,
            folder,
            step=goal.step,
            to=goal.to,
            to_exclusive=goal.to_exclusive,
            all=goal.everything,
            prefix=tenant,
            strict_order=strict_order,
            fake=fake,
            lock_wait=lock_wait,
            lock_timeout=lock_timeout,
            statement_timeout=statement_timeout,
        )

    return await _each(await tenants(repo, glob), one, parallel, fail_fast=fail_fast, told=told)


async def tenants_status(
    repo: HasAdapter, glob: str, folder: Folders = "migrations", *, parallel: int = 8
) -> list[TenantOutcome[list[MigrationStatus]]]:
    """Return the status of every schema that fits, by name. It writes nothing.

    Raises:
        UnsupportedError: the database has no schemas.
        MigrationError: no schema fits, or `parallel` is below 1.
        ConnectError: the database cannot be reached.
    """
    return await _each(await tenants(repo, glob), lambda tenant: status(repo, folder, prefix=tenant), parallel)


async def _each(
    names: Sequence[str],
    work: Callable[[str], Awaitable[T]],
    parallel: int,
    *,
    fail_fast: bool = False,
    told: Callable[[TenantOutcome[T]], None] | None = None,
) -> list[TenantOutcome[T]]:
    if parallel < 1:
        raise MigrationError(f"`parallel` must be 1 or more, got {parallel}", hint="how many schemas at once")
    free = asyncio.Semaphore(parallel)
    failed = asyncio.Event()

    async def one(name: str) -> TenantOutcome[T]:
        async with free:
            if fail_fast and failed.is_set():
                return TenantOutcome(name, skipped=True)
            outcome: TenantOutcome[T]
            try:
                outcome = TenantOutcome(name, await work(name))
            except EctypeError as exc:
                failed.set()
                outcome = TenantOutcome(name, error=exc)
        if told is not None:
            told(outcome)
        return outcome

    return list(await asyncio.gather(*(one(name) for name in names)))

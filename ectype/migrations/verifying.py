"""What does not fit, told and not changed: for `ectype verify`, and for an application that starts."""

from __future__ import annotations

from ectype.errors import MigrationError
from ectype.migrations import checks, lock_file
from ectype.migrations.checks import Finding
from ectype.migrations.errors import PendingMigrationsError
from ectype.migrations.history import Entry
from ectype.migrations.scripts import Folders, Script, find, folders_of
from ectype.migrations.sessions import HasAdapter, reading


async def verify(repo: HasAdapter, folder: Folders = "migrations", *, prefix: str | None = None) -> list[Finding]:
    """Return what does not fit between the files, `migrations.lock` and the journal. It writes nothing.

    Found are edited and missing files, two migrations of one version or name, pending migrations that are older than
    applied ones, what ended half-way, and lines of the lock file that are not as the files are.

    Raises:
        MigrationError: the journal is another tool's table.
        ConnectError: the database cannot be reached.
    """
    async with reading(repo, prefix) as journal:
        entries = await journal.read()
    try:
        scripts = find(folder)
    except MigrationError as exc:
        return [Finding("duplicate", None, exc.message, exc.hint or "")]
    return [*_all(entries, scripts), *_lock(folder, scripts)]


async def pending(repo: HasAdapter, folder: Folders = "migrations", *, prefix: str | None = None) -> list[int]:
    """Return the versions that are not applied, in the order in which a run would apply them. It writes nothing.

    Raises:
        MigrationError: the folder cannot be used.
        ConnectError: the database cannot be reached.
    """
    scripts = find(folder)
    async with reading(repo, prefix) as journal:
        there = checks.settled(await journal.read())
    return [script.version for script in scripts if script.version not in there]


async def require(repo: HasAdapter, folder: Folders = "migrations", *, prefix: str | None = None) -> None:
    """Refuse to go on while migrations are pending: for the start of an application.

    Raises:
        PendingMigrationsError: some are; it names them.
        MigrationError: the folder cannot be used.
        ConnectError: the database cannot be reached.

    Example:
        async with Repo(url) as repo:
            await migrations.require(repo, "migrations")
    """
    versions = await pending(repo, folder, prefix=prefix)
    if versions:
        raise PendingMigrationsError(versions, repo.adapter.url)


def _all(entries: dict[int, Entry], scripts: tuple[Script, ...]) -> list[Finding]:
    there = checks.settled(entries)
    waiting = [
        script
        for script in scripts
        if script.version not in there and not (script.version in entries and entries[script.version].is_partial)
    ]
    return [
        *checks.half_way(entries),
        *checks.edited(entries, scripts),
        *checks.gone(entries, scripts),
        *checks.inside_squash(entries, scripts),
        *checks.out_of_order(entries, waiting),
    ]


def _lock(folder: Folders, scripts: tuple[Script, ...]) -> list[Finding]:
    try:
        return lock_file.unlike(folders_of(folder), scripts)
    except MigrationError as exc:
        return [Finding("lock", None, exc.message, exc.hint or "")]

"""Checks of the migrations themselves, for a project's own tests: each goes up, down, and up again."""

from __future__ import annotations

from dataclasses import replace

from ectype.errors import IrreversibleError, MigrationError
from ectype.migrations.catalog import Catalog
from ectype.migrations.catalog_reading import read_catalog
from ectype.migrations.runner import migrate, rollback
from ectype.migrations.schema_hash import digest
from ectype.migrations.scripts import Folders, Script, find
from ectype.migrations.sessions import HasAdapter, connected, reading


async def check_migrations(
    repo: HasAdapter, folder: Folders = "migrations", *, irreversible: tuple[int, ...] = ()
) -> list[int]:
    """Apply every migration to an empty database, and after each one roll it back and apply it again.

    The schema must be the same after the rollback as before, and after the second time as after the first; a constraint
    that was validated may stay so. Returns the versions that were checked; the database has all of them at the end.

    Args:
        repo: the repo of a database that is there for this only.
        folder: the folder of migrations.
        irreversible: the versions that need no way back; they are applied once.

    Raises:
        MigrationError: a way back does not lead back, or the database is not empty.
        IrreversibleError: a migration has no way back, and is not listed.
        MigrationFailedError: a migration failed.

    Example:
        async def test_every_migration_can_be_taken_back(repo):
            await check_migrations(repo, "migrations")
    """
    scripts = find(folder)
    await _refuse_what_is_used(repo)
    before = await _hash(repo)
    for script in scripts:
        await migrate(repo, folder, to=script.version)
        after = await _hash(repo)
        if script.version not in irreversible:
            await _back_and_again(repo, folder, script, before, after)
        before = after
    return [script.version for script in scripts]


async def _back_and_again(repo: HasAdapter, folder: Folders, script: Script, before: str, after: str) -> None:
    try:
        await rollback(repo, folder, step=1)
    except IrreversibleError as exc:
        raise IrreversibleError(
            exc.message, hint=f"{exc.hint or ''}\n\nor say that it needs none: irreversible=({script.version},)".strip()
        ) from exc
    if await _hash(repo) != before:
        raise MigrationError(
            f"{script.path}: after its rollback the schema is not as it was before {script.version}",
            hint="let `down(m)`, or the second text of `m.execute`, undo all that the way up does",
        )
    await migrate(repo, folder, to=script.version)
    if await _hash(repo) != after:
        raise MigrationError(
            f"{script.path}: applied a second time, {script.version} makes another schema than the first time",
            hint="let it not depend on what a rollback leaves behind",
        )


async def _hash(repo: HasAdapter) -> str:
    async with connected(repo) as connection:
        return digest(_believed(await read_catalog(connection, repo.adapter)))


def _believed(catalog: Catalog) -> Catalog:
    """Return the catalogue as if every constraint were validated: no rollback takes back what is known of the rows."""
    return replace(
        catalog,
        tables=tuple(
            replace(
                table,
                foreign_keys=tuple(replace(one, valid=True) for one in table.foreign_keys),
                checks=tuple(replace(one, valid=True) for one in table.checks),
            )
            for table in catalog.tables
        ),
    )


async def _refuse_what_is_used(repo: HasAdapter) -> None:
    async with reading(repo) as journal:
        there = await journal.read()
    if any(entry.state == "up" for entry in there.values()):
        raise MigrationError(
            f"{repo.adapter.url} has migrations already, and this check rolls migrations back",
            hint="give it a new, empty database",
        )

"""The conductor of the diff: what a database lacks of what the schemas declare, and what it holds besides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass

from ectype.adapters.base import Adapter
from ectype.adapters.registry import adapter_for
from ectype.adapters.url import Config, parse
from ectype.errors import MigrationError
from ectype.migrations.diff.building import build, read, read_database, replay
from ectype.migrations.diff.comparison import Comparison
from ectype.migrations.diff.objects import compare_objects
from ectype.migrations.diff.online import refuse_here, refuse_unused, said_online
from ectype.migrations.diff.ownership import complete
from ectype.migrations.diff.renames import Ask, rename, said
from ectype.migrations.diff.state import State
from ectype.migrations.diff.steps import RENAME, Difference
from ectype.migrations.diff.tables import compare_tables
from ectype.migrations.diff.wanted import Unsaid, Wanted, wanted
from ectype.migrations.patience import CONNECT_SECONDS
from ectype.migrations.runner import applied
from ectype.migrations.scratch import scratch_database
from ectype.migrations.scripts import Folders, Script, backfills_in, find, folders_of
from ectype.schema.schema import Schema
from ectype.sql.dialect import Dialect


@dataclass(frozen=True, slots=True)
class Found:
    """What a diff found.

    Attributes:
        difference: the commands, and what is left alone.
        want: what the schemas declare.
        dialect: the database's, with its version.
    """

    difference: Difference
    want: Wanted
    dialect: Dialect


async def diff(
    url: str | Config,
    base: type[Schema] = Schema,
    folder: Folders = "migrations",
    *,
    renames: Iterable[str] = (),
    ask: Ask | None = None,
    online: Sequence[str] = (),
) -> Found:
    """Compare a database with what schemas declare. The database is read and not changed.

    Both are compared in the database's own words: what the schemas declare is built in a scratch database first. So
    are the applied migrations, to know what they made: the rest is nobody's to drop.

    Args:
        url: the database.
        base: the base of the schemas.
        folder: the folder of migrations; it may be missing.
        renames: what has another name now, as `users:people` and `people.name:full_name`.
        ask: who answers whether something is the same under another name; None to refuse where nobody said so.
        online: the columns that get another type in steps, while others read and write, as `users.age` (PostgreSQL).

    Raises:
        RenameQuestionError: something may have another name now, and there is nobody to ask.
        MigrationError: what is declared cannot be built, a migration is pending, or an applied one runs no more; or a
            column cannot get another type in steps.
        UnsupportedError: `online` on SQLite.
        ConnectError: the database cannot be reached.
    """
    asked = said_online(online)
    config = parse(url) if isinstance(url, str) else url
    adapter = adapter_for(config)
    connection = await adapter.connect(CONNECT_SECONDS)
    try:
        # What the server can do is known from here on.
        want = wanted(base, adapter.dialect)
        current = await read(connection, adapter, want.prefixes)
    finally:
        await connection.close()
    scripts = await _applied(adapter, find_in(folder), refuse_pending=True)
    async with scratch_database(config, or_schema=True) as where:
        built = await build(where, want)
        owned = await replay(where, scripts, want.prefixes)
    found = Difference()
    target = built.state
    for kind, prefix, _, name, _ in current.objects:
        if kind in ("view", "materialized_view"):
            # A schema may read a view that somebody else made.
            target.tables.pop((prefix, name), None)
    for node in rename(current, owned, target, said(renames, want.renamed, ask)):
        found.add(RENAME, node)
    complete(current, owned, target, want.places, want.loose, found)
    work = Comparison(
        current, target, found, adapter.dialect, want.fills, online=asked, backfills=backfills_in(folders_of(folder))
    )
    refuse_here(work)
    compare_tables(work)
    refuse_unused(asked, work.retyped)
    compare_objects(work, want.objects, built.late_functions)
    return Found(found, want, adapter.dialect)


async def drifted(url: str | Config, folder: Folders = "migrations") -> Found:
    """Compare a database with what its applied migrations make: what it lacks of it, and what it holds besides.

    Raises:
        MigrationError: an applied migration runs no more.
        ConnectError: the database cannot be reached.
    """
    config = parse(url) if isinstance(url, str) else url
    adapter = adapter_for(config)
    current = await read_database(adapter, ())
    scripts = await _applied(adapter, find_in(folder), refuse_pending=False)
    async with scratch_database(config, or_schema=True) as where:
        made = await replay(where, scripts, ())
    found = Difference()
    places = {place: Unsaid(structure=False) for place in made.tables}
    complete(current, State(adapter.dialect.target), made, places, set(), found)
    work = Comparison(deepcopy(current), made, found, adapter.dialect, {})
    compare_tables(work)
    compare_objects(work, (), set())
    return Found(found, Wanted(), adapter.dialect)


@dataclass(frozen=True, slots=True)
class _Target:
    adapter: Adapter


def find_in(folder: Folders) -> tuple[Script, ...]:
    """Return the migrations of the folders; none of a folder that is not there yet."""
    there = [one for one in folders_of(folder) if one.is_dir()]
    return find(there) if there else ()


async def _applied(adapter: Adapter, scripts: Sequence[Script], *, refuse_pending: bool) -> list[Script]:
    if not scripts:
        return []
    versions = set(await applied(_Target(adapter)))
    pending = [script for script in scripts if script.version not in versions]
    if pending and refuse_pending:
        others = f" and {len(pending) - 1} more" if len(pending) > 1 else ""
        raise MigrationError(
            f"{pending[0].path}{others} is not applied, so the database is not what the diff should begin with",
            hint="apply it first: ectype migrate",
        )
    return [script for script in scripts if script.version in versions]

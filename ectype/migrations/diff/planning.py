"""The conductor of the diff: what a database lacks of what the schemas declare, and what it holds besides."""

from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

from ectype.adapters.base import Adapter
from ectype.adapters.registry import adapter_for
from ectype.adapters.url import Config, parse
from ectype.migrations.diff.comparison import Comparison
from ectype.migrations.diff.objects import compare_objects, step_aside
from ectype.migrations.diff.ownership import complete
from ectype.migrations.diff.renames import Ask, rename, said
from ectype.migrations.diff.scratch import build, read_database, replay, scratch
from ectype.migrations.diff.state import State
from ectype.migrations.diff.steps import RENAME, Difference
from ectype.migrations.diff.tables import compare_tables
from ectype.migrations.diff.wanted import Unsaid, Wanted, wanted
from ectype.migrations.runner import applied
from ectype.migrations.scripts import Script, find
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
    folder: str | Path = "migrations",
    *,
    renames: Iterable[str] = (),
    ask: Ask | None = None,
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

    Raises:
        RenameQuestionError: something may have another name now, and there is nobody to ask.
        MigrationError: what is declared cannot be built, or an applied migration runs no more.
        ConnectError: the database cannot be reached.
    """
    config = parse(url) if isinstance(url, str) else url
    adapter = adapter_for(config)
    want = wanted(base, adapter.dialect)
    current = await read_database(adapter, want.prefixes)
    # What the server can do is known now.
    want = wanted(base, adapter.dialect)
    async with scratch(config, adapter) as where:
        built = await build(where, want)
    owned = await made_by_migrations(config, adapter, folder, want.prefixes)
    found = Difference()
    target = built.state
    for node in rename(current, owned, target, said(renames, want.renamed, ask)):
        found.add(RENAME, node)
    complete(current, owned, target, want.places, want.loose, found)
    work = Comparison(current, target, found, adapter.dialect, want.fills)
    compare_tables(work)
    compare_objects(work, want.objects, built.late_functions)
    step_aside(work)
    return Found(found, want, adapter.dialect)


async def made_by_migrations(config: Config, adapter: Adapter, folder: str | Path, prefixes: Sequence[str]) -> State:
    """Return what the applied migrations of a folder make in an empty database."""
    scripts = await _applied(adapter, folder)
    if not scripts:
        return State(adapter.dialect.target)
    async with scratch(config, adapter) as where:
        return await replay(where, scripts, prefixes)


async def drifted(url: str | Config, folder: str | Path = "migrations") -> Found:
    """Compare a database with what its applied migrations make: what it lacks of it, and what it holds besides.

    Raises:
        MigrationError: an applied migration runs no more.
        ConnectError: the database cannot be reached.
    """
    config = parse(url) if isinstance(url, str) else url
    adapter = adapter_for(config)
    current = await read_database(adapter, ())
    made = await made_by_migrations(config, adapter, folder, ())
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


async def _applied(adapter: Adapter, folder: str | Path) -> list[Script]:
    path = Path(folder)
    if not path.is_dir():
        return []
    versions = set(await applied(_Target(adapter)))
    return [script for script in find(path) if script.version in versions]

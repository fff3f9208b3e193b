"""Databases that stand for a moment only: in them what is wanted is built, and what migrations made is made again."""

import contextlib
import secrets
import tempfile
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from ectype.adapters.base import Adapter, Begin, Connection
from ectype.adapters.registry import adapter_for
from ectype.adapters.url import Config
from ectype.errors import ConfigError, DatabaseError, EctypeError, MigrationError
from ectype.migrations.catalog_reading import READERS, read_catalog
from ectype.migrations.diff.state import State, state_of
from ectype.migrations.diff.wanted import Wanted
from ectype.migrations.patience import CONNECT_SECONDS
from ectype.migrations.runner import up
from ectype.migrations.scripts import Script, load
from ectype.sql.ddl_names import quote

FORBIDDEN: Final = "42501"
UNDEFINED: Final = ("42704", "42883", "42P01")
"""The states of PostgreSQL for a type, an operator, a function or a table that is not there."""
MISSING: Final = (
    "only what is declared is there: declare what it needs too, as "
    'database_object("extension", "citext"), or as a function'
)
CORRECT: Final = "correct the declaration: the scratch database is gone, and yours is unchanged"
SAVEPOINT: Final = "ectype_function"


@dataclass(frozen=True, slots=True)
class Scratch:
    """A scratch database.

    Attributes:
        adapter: the adapter of it.
        schema: the schema in it that stands for the default one; None for the one that is so anyway.
        is_database: whether it is a database of its own, so that it may hold other schemas.
    """

    adapter: Adapter
    schema: str | None = None
    is_database: bool = True


@dataclass(slots=True)
class Built:
    """What is wanted, as the database says it.

    Attributes:
        state: what the scratch database holds.
        late_functions: the texts of functions that need the tables.
    """

    state: State
    late_functions: set[str] = field(default_factory=set[str])


@contextlib.asynccontextmanager
async def scratch(config: Config, adapter: Adapter) -> AsyncGenerator[Scratch]:
    """Give an empty database that nobody else sees, and take it away: a file of SQLite, a database of PostgreSQL.

    Where the role may not create databases it is a schema of the database itself.

    Raises:
        ConfigError: the role may create neither.
        ConnectError: the database cannot be reached.
    """
    if config.scheme == "sqlite":
        with tempfile.TemporaryDirectory(prefix="ectype-") as folder:
            path = str(Path(folder) / "scratch.db")
            options = MappingProxyType({"journal_mode": "memory", "synchronous": "off"})
            yield Scratch(adapter_for(replace(config, path=path, options=options)))
        return
    name = f"ectype_scratch_{secrets.token_hex(6)}"
    connection = await adapter.connect(CONNECT_SECONDS)
    try:
        default = (await connection.fetch("SELECT coalesce(current_schema()::text, 'public')", (), list))[0][0]
        made = await _made(connection, config, name, default)
        try:
            yield made
        finally:
            kind, ending = ("DATABASE", "WITH (FORCE)") if made.is_database else ("SCHEMA", "CASCADE")
            if not connection.broken:
                await connection.execute(f'DROP {kind} IF EXISTS "{name}" {ending}')
    finally:
        await connection.close()


async def _made(connection: Connection, config: Config, name: str, default: str) -> Scratch:
    try:
        await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
    except DatabaseError as exc:
        if exc.sqlstate != FORBIDDEN:
            raise
    else:
        # A schema that is no default elsewhere must be so here too.
        elsewhere = replace(config, database=name)
        if default != "public":
            elsewhere = _searching(elsewhere, default)
        made = Scratch(adapter_for(elsewhere))
        if default != "public":
            await run(made.adapter, [f"CREATE SCHEMA IF NOT EXISTS {_quoted(default)}"])
        return made
    try:
        await connection.execute(f'CREATE SCHEMA "{name}"')
    except DatabaseError as exc:
        if exc.sqlstate != FORBIDDEN:
            raise
        raise ConfigError(
            "the role may create neither a database nor a schema, and the diff builds what is wanted in one of them",
            hint="run the diff against a database of your own, or let the role: ALTER ROLE … CREATEDB",
        ) from exc
    return Scratch(adapter_for(_searching(config, name)), name, is_database=False)


def _searching(config: Config, schema: str) -> Config:
    given = config.options.get("options", "")
    options = {**config.options, "options": f"{given} -c search_path={schema}".strip()}
    return replace(config, options=MappingProxyType(options))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


async def build(where: Scratch, want: Wanted) -> Built:
    """Build what is wanted, and return what the database makes of it.

    Raises:
        MigrationError: the database refuses a statement of it.
        ConfigError: it wants schemas of its own, where it must be one schema itself.
    """
    if want.prefixes and not where.is_database:
        raise ConfigError(
            f"the schemas `{', '.join(want.prefixes)}` need a scratch database, which the role may not create",
            hint="let it: ALTER ROLE … CREATEDB; or run the diff against a database of your own",
        )
    connection = await where.adapter.connect(CONNECT_SECONDS)
    late: set[str] = set()
    try:
        dialect = where.adapter.dialect
        # Nothing of it is committed, so that the database is empty again for the migrations.
        await connection.begin(Begin())
        for one in want.prefixes:
            await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(one, dialect, what='schema')}")
        await _all(connection, want.early)
        for text in want.functions:
            if not await _succeeds(connection, text):
                late.add(text)
        await _all(connection, (*want.tables, *(text for text in want.functions if text in late), *want.late))
        reader, _ = READERS[dialect.target]
        catalogs = [await reader(connection, one) for one in (None, *want.prefixes)]
        await connection.rollback()
        return Built(state_of(catalogs), late)
    finally:
        await connection.close()


async def _all(connection: Connection, statements: Iterable[str]) -> None:
    for text in statements:
        try:
            await connection.script(text)
        except EctypeError as exc:
            raise MigrationError(
                f"what the schemas declare cannot be built:\n\n    {text}\n\n    {exc.message}",
                hint=exc.hint or (MISSING if getattr(exc, "sqlstate", None) in UNDEFINED else CORRECT),
            ) from exc


async def _succeeds(connection: Connection, text: str) -> bool:
    """Run a function's text where that is possible before there are tables."""
    await connection.execute(f"SAVEPOINT {SAVEPOINT}")
    try:
        await connection.script(text)
    except DatabaseError:
        await connection.execute(f"ROLLBACK TO SAVEPOINT {SAVEPOINT}")
        return False
    await connection.execute(f"RELEASE SAVEPOINT {SAVEPOINT}")
    return True


async def read(connection: Connection, adapter: Adapter, prefixes: Sequence[str]) -> State:
    """Return what the default schema and those prefixes that are there hold."""
    found = [await read_catalog(connection, adapter.dialect)]
    for one in prefixes:
        # A prefix that is not there holds nothing yet.
        with contextlib.suppress(ConfigError):
            found.append(await read_catalog(connection, adapter.dialect, one))
    return state_of(found)


async def read_database(adapter: Adapter, prefixes: Sequence[str]) -> State:
    """Return what a database holds, over a connection of its own."""
    connection = await adapter.connect(CONNECT_SECONDS)
    try:
        return await read(connection, adapter, prefixes)
    finally:
        await connection.close()


async def run(adapter: Adapter, statements: Iterable[str]) -> None:
    """Run statements over a connection of their own."""
    connection = await adapter.connect(CONNECT_SECONDS)
    try:
        for text in statements:
            await connection.execute(text)
    finally:
        await connection.close()


@dataclass(frozen=True, slots=True)
class _Target:
    adapter: Adapter


async def replay(where: Scratch, scripts: Sequence[Script], prefixes: Sequence[str]) -> State:
    """Apply migrations in a scratch database, and return what they made.

    Raises:
        MigrationFailedError: one of them does not run in an empty database.
    """
    for script in scripts:
        await up(_Target(where.adapter), script.version, load(script))
    return await read_database(where.adapter, prefixes)

"""What is done in a scratch database: what is wanted is built there, and what migrations made is made again."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from ectype.adapters.base import Adapter, Begin, Connection
from ectype.errors import ConfigError, DatabaseError, EctypeError, MigrationError
from ectype.migrations.catalog_reading import READERS, read_catalog
from ectype.migrations.diff.state import State, state_of
from ectype.migrations.diff.wanted import Wanted
from ectype.migrations.patience import CONNECT_SECONDS
from ectype.migrations.runner import up
from ectype.migrations.scratch import Scratch
from ectype.migrations.scripts import Script, load
from ectype.sql.ddl_names import quote

UNDEFINED: Final = ("42704", "42883", "42P01")
"""The states of PostgreSQL for a type, an operator, a function or a table that is not there."""
MISSING: Final = (
    "only what is declared is there: declare what it needs too, as "
    'database_object("extension", "citext"), or as a function'
)
CORRECT: Final = "correct the declaration: the scratch database is gone, and yours is unchanged"
SAVEPOINT: Final = "ectype_function"


@dataclass(slots=True)
class Built:
    """What is wanted, as the database says it.

    Attributes:
        state: what the scratch database holds.
        late_functions: the texts of functions that need the tables.
    """

    state: State
    late_functions: set[str] = field(default_factory=set[str])


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
        catalogs = [await reader(connection, one, where.adapter.migrating.source) for one in (None, *want.prefixes)]
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
    found = [await read_catalog(connection, adapter)]
    for one in prefixes:
        # A prefix that is not there holds nothing yet.
        with contextlib.suppress(ConfigError):
            found.append(await read_catalog(connection, adapter, one))
    return state_of(found)


async def read_database(adapter: Adapter, prefixes: Sequence[str]) -> State:
    """Return what a database holds, over a connection of its own."""
    connection = await adapter.connect(CONNECT_SECONDS)
    try:
        return await read(connection, adapter, prefixes)
    finally:
        await connection.close()


async def replay(where: Scratch, scripts: Sequence[Script], prefixes: Sequence[str]) -> State:
    """Apply migrations in a scratch database, and return what they made.

    Raises:
        MigrationFailedError: one of them does not run in an empty database.
    """
    for script in scripts:
        await up(where, script.version, load(script))
    return await read_database(where.adapter, prefixes)

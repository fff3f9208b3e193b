"""An empty database of the same kind, for a moment: what is tried there touches nothing of the real one."""

from __future__ import annotations

import contextlib
import secrets
import tempfile
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from ectype.adapters.base import Adapter, Connection
from ectype.adapters.registry import adapter_for
from ectype.adapters.url import Config
from ectype.errors import ConfigError, DatabaseError, MigrationError
from ectype.migrations.patience import CONNECT_SECONDS
from ectype.sql.ddl_names import quote

FORBIDDEN: Final = "42501"
IN_MEMORY: Final = MappingProxyType({"journal_mode": "memory", "synchronous": "off"})


@dataclass(frozen=True, slots=True)
class Scratch:
    """What stands for a repo: migrations need its adapter only.

    Attributes:
        adapter: the adapter of it.
        schema: the schema in it that stands for the default one; None for the one that is so anyway.
        is_database: whether it is a database of its own, so that it may hold other schemas.
    """

    adapter: Adapter
    schema: str | None = None
    is_database: bool = True


@contextlib.asynccontextmanager
async def scratch_database(config: Config, *, or_schema: bool = False) -> AsyncGenerator[Scratch]:
    """Make an empty database beside that of `config`, and drop it at the end of the block.

    On PostgreSQL it is a database of the same server, on SQLite a file in a temporary folder.

    Args:
        config: where the real one is.
        or_schema: whether it may be a schema of the real database, where the role may not make databases.

    Raises:
        MigrationError: no database could be made.
        ConfigError: the role may make neither a database nor a schema.
        ConnectError: the server cannot be reached.
    """
    if config.scheme == "sqlite":
        with tempfile.TemporaryDirectory(prefix="ectype-") as folder:
            yield Scratch(adapter_for(replace(config, path=str(Path(folder) / "scratch.db"), options=IN_MEMORY)))
        return
    name = f"ectype_scratch_{secrets.token_hex(6)}"
    server = adapter_for(config)
    async with _connected(server) as connection:
        default = (await connection.fetch("SELECT coalesce(current_schema()::text, 'public')", (), list))[0][0]
        quoted = quote(name, server.dialect, what="database")
        is_database = await _made(connection, server, quoted, or_schema=or_schema)
        try:
            if is_database:
                yield await _database(replace(config, database=name), default)
            else:
                yield Scratch(adapter_for(_searching(config, name)), name, is_database=False)
        finally:
            kind, ending = ("DATABASE", "WITH (FORCE)") if is_database else ("SCHEMA", "CASCADE")
            if not connection.broken:
                await connection.execute(f"DROP {kind} IF EXISTS {quoted} {ending}")


async def _made(connection: Connection, server: Adapter, quoted: str, *, or_schema: bool) -> bool:
    """Make a database, or a schema, and say whether it is a database."""
    try:
        await connection.execute(f"CREATE DATABASE {quoted} TEMPLATE template0")
    except DatabaseError as exc:
        if not or_schema or exc.sqlstate != FORBIDDEN:
            raise MigrationError(
                f"no scratch database could be made on {server.url}: {exc.message}",
                hint="name a development server where the role has the right: ALTER ROLE … CREATEDB",
            ) from exc
    else:
        return True
    try:
        await connection.execute(f"CREATE SCHEMA {quoted}")
    except DatabaseError as exc:
        if exc.sqlstate != FORBIDDEN:
            raise
        raise ConfigError(
            "the role may create neither a database nor a schema, and what is wanted is built in one of them",
            hint="run it against a database of your own, or let the role: ALTER ROLE … CREATEDB",
        ) from exc
    return False


async def _database(config: Config, default: str) -> Scratch:
    """Return the new database; a schema that is the default elsewhere must be so here too."""
    if default == "public":
        return Scratch(adapter_for(config))
    made = Scratch(adapter_for(_searching(config, default)))
    async with _connected(made.adapter) as connection:
        schema = quote(default, made.adapter.dialect, what="schema")
        await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    return made


def _searching(config: Config, schema: str) -> Config:
    given = config.options.get("options", "")
    options = {**config.options, "options": f"{given} -c search_path={schema}".strip()}
    return replace(config, options=MappingProxyType(options))


@contextlib.asynccontextmanager
async def _connected(adapter: Adapter) -> AsyncGenerator[Connection]:
    connection = await adapter.connect(CONNECT_SECONDS)
    try:
        yield connection
    finally:
        await connection.close()

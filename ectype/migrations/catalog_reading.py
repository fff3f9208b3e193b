"""Which reader reads which database's catalogue."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from ectype.adapters.base import Adapter, Begin, Connection
from ectype.migrations import catalog_postgres, catalog_sqlite
from ectype.migrations.catalog import Catalog
from ectype.migrations.patience import CONNECT_SECONDS
from ectype.types.base import Target

Read: TypeAlias = Callable[[Connection, str | None, str], Awaitable[Catalog]]

READERS: Final[dict[Target, tuple[Read, Begin]]] = {
    "postgres": (catalog_postgres.read, Begin("repeatable read", read_only=True)),
    "sqlite": (catalog_sqlite.read, Begin(read_only=True)),
}


async def read_catalog(connection: Connection, adapter: Adapter, schema: str | None = None) -> Catalog:
    """Return what the database holds at one moment. It writes nothing.

    Args:
        connection: a connection without an open transaction.
        adapter: the database's.
        schema: the PostgreSQL schema, or attached database; the default one when None.

    Raises:
        ConfigError: there is no such schema.
        DatabaseError: the database refuses to say.
    """
    read, begin = READERS[adapter.dialect.target]
    await connection.begin(begin)
    try:
        return await read(connection, schema, adapter.migrating.source)
    finally:
        if not connection.broken:
            await connection.rollback()


async def catalog_of(adapter: Adapter, schema: str | None = None) -> Catalog:
    """Return what a database holds, over a connection of its own.

    Raises:
        ConnectError: the database cannot be reached.
        ConfigError: there is no such schema.
    """
    connection = await adapter.connect(CONNECT_SECONDS)
    try:
        return await read_catalog(connection, adapter, schema)
    finally:
        await connection.close()

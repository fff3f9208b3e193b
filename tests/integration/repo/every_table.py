"""The table of every type, on either database."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ectype import Repo, migrations
from ectype.adapters.registry import adapter_for
from tests.integration.repo.every_type import EXTENSIONS, NAMES, migration


@asynccontextmanager
async def opened(server: str | None, folder: Path) -> AsyncIterator[Repo]:
    """A repo with the table, in a schema of its own on a server, or in a file of SQLite where there is none.

    Columns whose extension the server lacks are not in it.
    """
    if server is None:
        async with Repo(f"sqlite:///{folder / 'every.db'}", pool_size=2) as one:
            await migrations.up(one, 1, migration())
            yield one
        return
    name = f"every_{uuid.uuid4().hex[:12]}"
    connection = await adapter_for(server).connect(10)
    await connection.script(f"CREATE SCHEMA {name}; CREATE TYPE {name}.every_role AS ENUM ('member', 'admin')")
    known: Any = await connection.fetch("SELECT name::text FROM pg_available_extensions", (), list)
    there = {row[0] for row in known}
    for extension in set(EXTENSIONS.values()) & there:
        await connection.script(f"CREATE EXTENSION IF NOT EXISTS {extension} SCHEMA public")
    sign = "&" if "?" in server else "?"
    async with Repo(f"{server}{sign}options=-csearch_path%3D{name}%2Cpublic", pool_size=2) as one:
        await migrations.up(one, 1, migration(*(field for field, one in EXTENSIONS.items() if one not in there)))
        yield one
    await connection.script(f"DROP SCHEMA {name} CASCADE")
    await connection.close()


async def stored_names(repo: Repo) -> list[str]:
    """The fields that have a column here."""
    found = await repo.query(
        "SELECT column_name::text FROM information_schema.columns WHERE table_name = 'everything'"
        if repo.adapter.dialect.target == "postgres"
        else "SELECT name FROM pragma_table_info('everything')"
    )
    there = {row[0] for row in found.rows}
    return [name for name in NAMES if name in there]

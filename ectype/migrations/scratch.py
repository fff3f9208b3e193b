"""An empty database of the same kind, for a moment: what is tried there touches nothing of the real one."""

import contextlib
import secrets
import tempfile
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from pathlib import Path

from ectype.adapters.base import Adapter
from ectype.adapters.registry import adapter_for
from ectype.adapters.url import Config
from ectype.errors import DatabaseError, MigrationError
from ectype.migrations.patience import CONNECT_SECONDS


@dataclass(frozen=True, slots=True)
class Scratch:
    """What stands for a repo: migrations need its adapter only."""

    adapter: Adapter


@contextlib.asynccontextmanager
async def scratch_database(config: Config) -> AsyncGenerator[Scratch]:
    """Make an empty database beside that of `config`, and drop it at the end of the block.

    On PostgreSQL it is a database of the same server, on SQLite a file in a temporary folder.

    Raises:
        MigrationError: the role may not make databases.
        ConnectError: the server cannot be reached.
    """
    if config.scheme == "sqlite":
        with tempfile.TemporaryDirectory(prefix="ectype-") as folder:
            yield Scratch(adapter_for(replace(config, path=str(Path(folder) / "scratch.db"))))
        return
    name = f"ectype_scratch_{secrets.token_hex(6)}"
    server = adapter_for(config)
    await _run(server, f'CREATE DATABASE "{name}"')
    try:
        yield Scratch(adapter_for(replace(config, database=name)))
    finally:
        await _run(server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


async def _run(adapter: Adapter, sql: str) -> None:
    connection = await adapter.connect(CONNECT_SECONDS)
    try:
        await connection.execute(sql)
    except DatabaseError as exc:
        raise MigrationError(
            f"no scratch database could be made on {adapter.url}: {exc.message}",
            hint="name a development server where the role has the right: ALTER ROLE … CREATEDB",
        ) from exc
    finally:
        await connection.close()

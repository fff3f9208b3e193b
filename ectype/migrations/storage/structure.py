"""The structure of a database as SQL text, with the journal of migrations, and back."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from ectype.adapters.base import Begin, Connection
from ectype.adapters.registry import adapter_for
from ectype.adapters.url import MEMORY, Config, parse
from ectype.errors import ConfigError, ConnectError, EctypeError, MigrationError
from ectype.migrations.storage import pg_dump
from ectype.migrations.storage.databases import quoted
from ectype.types.base import Target

CONNECT_SECONDS: Final = 10.0

HEAD: Final = "-- The structure of the database and the migrations that made it; `ectype dump` writes this file.\n\n"

# Shadow tables are made by their virtual table, and sqlite_… by SQLite.
SQLITE_OBJECTS: Final = """\
SELECT s.sql FROM sqlite_schema AS s
WHERE s.sql IS NOT NULL AND s.name NOT LIKE 'sqlite~_%' ESCAPE '~'
  AND s.name NOT IN (SELECT name FROM pragma_table_list WHERE type = 'shadow')
ORDER BY CASE s.type WHEN 'table' THEN 1 WHEN 'index' THEN 2 WHEN 'view' THEN 3 ELSE 4 END, s.rowid"""

# Each schema that was migrated by itself has a journal, and `pg_dump` tells of the tables of all.
JOURNALS: Final[dict[Target, str]] = {
    "postgres": """\
SELECT n.nspname::text, a.attname::text FROM pg_attribute AS a
JOIN pg_class AS c ON c.oid = a.attrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relname = '{journal}' AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
  AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY n.nspname COLLATE "C", a.attnum""",
    "sqlite": "SELECT 'main', name FROM pragma_table_info('{journal}') ORDER BY cid",
}
LITERAL: Final[dict[Target, str]] = {"postgres": "quote_nullable({}::text)", "sqlite": "quote({})"}
HAS_TABLES: Final[dict[Target, str]] = {
    "postgres": """\
SELECT n.nspname || '.' || c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' LIMIT 1""",
    "sqlite": "SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite~_%' ESCAPE '~' LIMIT 1",
}


async def dump(url: str | Config, file: str | Path) -> None:
    """Write the structure of a database into a file, and the rows of its journals, so that `load` makes it again.

    PostgreSQL's is what `pg_dump` says, less what changes from run to run, and each schema that was migrated by itself
    has a journal of its own; SQLite's is what its schema table says.

    Raises:
        ConfigError: the URL or the file cannot be used; or `pg_dump` is not installed, or older than the server.
        ConnectError: the database cannot be reached, or is not there.
    """
    config = _existing(parse(url) if isinstance(url, str) else url)
    adapter = adapter_for(config)
    connection = await adapter.connect(CONNECT_SECONDS)
    try:
        target = adapter.dialect.target
        text = await WRITERS[target](config, connection)
        text = f"{HEAD}{text}{await _journals(connection, target, adapter.migrating.source)}"
    finally:
        await connection.close()
    _write(Path(file), text)


async def load(url: str | Config, file: str | Path, *, skip_if_loaded: bool = False) -> bool:
    """Run the text that `dump` wrote, in an empty database, in one transaction; say whether it was run.

    Args:
        url: the database, which must be there.
        file: the text.
        skip_if_loaded: whether a database that has tables is left as it is; else that is an error.

    Raises:
        ConfigError: the URL or the file cannot be used.
        ConnectError: the database cannot be reached.
        MigrationError: the database has tables already.
        DatabaseError: a statement failed; nothing was done.
    """
    text = _read(Path(file))
    adapter = adapter_for(url)
    if adapter.single:
        raise ConfigError(f"{adapter.url} ends with its connection", hint='name a file: "sqlite:///blog.db"')
    connection = await adapter.connect(CONNECT_SECONDS)
    try:
        there: list[Any] = await connection.fetch(HAS_TABLES[adapter.dialect.target], (), list)
        if there:
            if skip_if_loaded:
                return False
            raise MigrationError(
                f"{adapter.url} has tables already, such as `{there[0][0]}`: nothing was done",
                hint="load into a new database: ectype create; or leave it as it is: --skip-if-loaded",
            )
        await connection.begin(Begin())
        try:
            await connection.script(text)
            await connection.commit()
        except BaseException:
            if connection.in_transaction:
                with suppress(EctypeError):
                    await connection.rollback(CONNECT_SECONDS)
            raise
    finally:
        await connection.close()
    return True


async def _of_sqlite(config: Config, connection: Connection) -> str:  # noqa: ARG001  # one signature for the table below
    rows: list[Any] = await connection.fetch(SQLITE_OBJECTS, (), list)
    return "".join(f"{row[0]};\n\n" for row in rows)


async def _of_postgres(config: Config, connection: Connection) -> str:
    rows: list[Any] = await connection.fetch("SELECT current_setting('server_version_num')::int / 10000", (), list)
    return await pg_dump.structure(config, rows[0][0])


WRITERS: Final[dict[Target, Callable[[Config, Connection], Awaitable[str]]]] = {
    "postgres": _of_postgres,
    "sqlite": _of_sqlite,
}


async def _journals(connection: Connection, target: Target, journal: str) -> str:
    # The name of a journal is checked: it needs no quotes.
    found: list[Any] = await connection.fetch(JOURNALS[target].replace("{journal}", journal), (), list)
    journals: dict[str, list[str]] = {}
    for schema, column in found:
        journals.setdefault(schema, []).append(column)
    texts = [
        await _rows_of(connection, target, f"{quoted(schema)}.{quoted(journal)}", columns)
        for schema, columns in journals.items()
        if "version" in columns
    ]
    return "".join(texts)


async def _rows_of(connection: Connection, target: Target, table: str, columns: list[str]) -> str:
    names = [quoted(column) for column in columns]
    literals = ", ".join(LITERAL[target].format(name) for name in names)
    rows: list[Any] = await connection.fetch(f"SELECT {literals} FROM {table} ORDER BY version", (), list)
    # One row a line: two branches that each add a migration can be merged.
    lines = [f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(row)});\n" for row in rows]
    return "".join(lines)


def _existing(config: Config) -> Config:
    if config.scheme == "sqlite" and config.path == MEMORY:
        raise ConfigError(f"{config.masked} ends with its connection", hint='name a file: "sqlite:///blog.db"')
    if config.scheme == "sqlite" and not Path(config.path).is_file():
        raise ConnectError(f"there is no file {config.path}", hint="make it first: ectype migrate")
    return config


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path} cannot be read: {exc}", hint="write it first: ectype dump") from exc


def _write(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError as exc:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise ConfigError(f"{path} cannot be written: {exc.strerror}", hint="name another file") from exc

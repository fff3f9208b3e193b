"""Making and removing a database."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal, TypeAlias

from ectype.adapters.base import Connection
from ectype.adapters.registry import adapter_for
from ectype.adapters.url import MEMORY, Config, parse
from ectype.errors import ConfigError, ConnectError, DatabaseError, UnsupportedError

Outcome: TypeAlias = Literal["created", "exists", "dropped", "missing"]

CONNECT_SECONDS: Final = 10.0
MAINTENANCE: Final = ("postgres", "template1")
"""The databases that a server has from its beginning: one connects to them to make others, and drops none of them."""
SERVERS_OWN: Final = frozenset({"postgres", "template0", "template1"})
BESIDE: Final = ("", "-wal", "-shm", "-journal")
EXISTS: Final = "SELECT 1 FROM pg_database WHERE datname = $1"


def database_name(url: str) -> str:
    """Return the name of a URL's database; for SQLite that of the file.

    Raises:
        ConfigError: the URL cannot be used, or names no database.
        UnsupportedError: the database is in memory.

    >>> database_name("sqlite:///data/blog.db"), database_name("postgresql://localhost/blog")
    ('blog.db', 'blog')
    """
    return _name(parse(url))


async def status(url: str) -> Literal["up", "down"]:
    """Return whether the database is there.

    Raises:
        ConfigError: the URL cannot be used.
        ConnectError: the server cannot be reached.
    """
    config = parse(url)
    name = _name(config)
    if config.scheme == "sqlite":
        return "up" if _is_file(config.path) else "down"
    if await _can_connect(config):
        return "up"
    connection = await _maintenance(config)
    try:
        return "up" if await _has(connection, name) else "down"
    finally:
        await connection.close()


async def create(url: str, *, template: str | None = None, locale: str | None = None) -> Literal["created", "exists"]:
    """Make the database, in UTF-8 and with UTC for its time zone, unless it is there.

    Who may not make one gets `exists` all the same where it is.

    Args:
        url: the database.
        template: the database that it begins as a copy of (PostgreSQL); else the empty `template0`.
        locale: the name by which the server sorts text and tells letters, such as `C.UTF-8` (PostgreSQL); else the
            template's.

    Raises:
        ConfigError: the URL cannot be used.
        ConnectError: the server cannot be reached, others are connected to the template, or the folder of a SQLite
            file is not there.
        DatabaseError: the server refuses to make it.
        UnsupportedError: a template or a locale for SQLite, or the database is in memory.

    Example:
        `await storage.create("postgresql://localhost/maps", template="template_postgis")`
    """
    config = parse(url)
    name = _name(config)
    if config.scheme == "sqlite":
        return await _make_file(config, template=template, locale=locale)
    if await _can_connect(config):
        return "exists"
    connection = await _maintenance(config)
    try:
        if await _has(connection, name):
            return "exists"
        try:
            await connection.execute(_create_text(name, template, locale))
        except DatabaseError as exc:
            # Somebody else made it in this moment (duplicate_database, or its index).
            if exc.sqlstate in ("42P04", "23505"):
                return "exists"
            if exc.sqlstate == "55006":
                raise ConnectError(
                    f"`{template or 'template0'}` is not copied: others are connected to it",
                    hint="end them, or name a template that nobody uses",
                ) from exc
            raise
        await connection.execute(f"ALTER DATABASE {quoted(name)} SET timezone TO 'UTC'")
    finally:
        await connection.close()
    return "created"


async def _make_file(config: Config, **given: str | None) -> Literal["created", "exists"]:
    unused = [f"{name}={value!r}" for name, value in given.items() if value is not None]
    if unused:
        raise UnsupportedError(
            f"{', '.join(unused)} is for a server, and {config.masked} is a file (SQLite)", hint="leave it out"
        )
    is_there = _is_file(config.path)
    await (await adapter_for(config).connect(CONNECT_SECONDS)).close()
    return "exists" if is_there else "created"


def _create_text(name: str, template: str | None, locale: str | None) -> str:
    text = f"CREATE DATABASE {quoted(name)} ENCODING 'UTF8' TEMPLATE {quoted(template or 'template0')}"
    return text if locale is None else f"{text} LOCALE {quoted(locale)}"


async def drop(url: str, *, force: bool = False) -> Literal["dropped", "missing"]:
    """Remove the database with all that is in it.

    Args:
        url: the database.
        force: whether connections to it are cut; without it, they hinder the drop (PostgreSQL).

    Raises:
        ConfigError: the URL cannot be used, or names a database that the server needs.
        ConnectError: the server cannot be reached.
        DatabaseError: the server refuses to drop it.
    """
    config = parse(url)
    name = _name(config)
    if config.scheme == "sqlite":
        return _remove_files(Path(config.path))
    if name in SERVERS_OWN:
        raise ConfigError(f"`{name}` belongs to the server and is not dropped", hint="name another database")
    connection = await _maintenance(config)
    try:
        if not await _has(connection, name):
            return "missing"
        try:
            await connection.execute(f"DROP DATABASE {quoted(name)}{' WITH (FORCE)' if force else ''}")
        except DatabaseError as exc:
            if exc.sqlstate == "3D000":
                return "missing"
            if exc.sqlstate == "55006":
                raise ConnectError(
                    f"`{name}` is not dropped: others are connected to it",
                    hint="end them, or cut them off with `force=True` (`--force`)",
                ) from exc
            raise
    finally:
        await connection.close()
    return "dropped"


def _name(config: Config) -> str:
    if config.scheme == "sqlite":
        if config.path == MEMORY:
            raise UnsupportedError(
                "a database in memory is there while its connection is (SQLite)",
                hint='name a file: "sqlite:///blog.db"',
            )
        return Path(config.path).name
    if config.database is None:
        raise ConfigError(
            f"{config.masked} names no database", hint="write its name after the host: postgresql://localhost/blog"
        )
    return config.database


def _is_file(path: str) -> bool:
    return Path(path).is_file()


def _remove_files(path: Path) -> Literal["dropped", "missing"]:
    if not path.is_file():
        return "missing"
    for ending in BESIDE:
        with suppress(FileNotFoundError):
            path.with_name(path.name + ending).unlink()
    return "dropped"


def quoted(name: str) -> str:
    """Return a name as SQL says it."""
    return '"' + name.replace('"', '""') + '"'


async def _has(connection: Connection, name: str) -> bool:
    rows: list[object] = await connection.fetch(EXISTS, (name,), list)
    return bool(rows)


async def _can_connect(config: Config) -> bool:
    try:
        connection = await adapter_for(config).connect(CONNECT_SECONDS)
    except ConnectError as exc:
        if getattr(exc.__cause__, "sqlstate", None) == "3D000":
            return False
        raise
    await connection.close()
    return True


async def _maintenance(config: Config) -> Connection:
    last: ConnectError | None = None
    for name in MAINTENANCE:
        try:
            return await adapter_for(replace(config, database=name)).connect(CONNECT_SECONDS)
        except ConnectError as exc:
            last = last or exc
    assert last is not None, "there is a database to try"
    raise last

"""What matters on SQLite: how the file is written, what it checks, and whether it is whole."""

from __future__ import annotations

from typing import Any, Final

from ectype.adapters.base import Connection
from ectype.migrations.health.signs import Sign

SHOWN: Final = 3


async def examine(connection: Connection) -> list[Sign]:
    """Return the signs, in the order in which they are shown."""
    return [
        Sign("library version", "ok", str(await _value(connection, "SELECT sqlite_version()"))),
        await _journal(connection),
        await _keys(connection),
        await _whole(connection),
        await _references(connection),
        await _strict(connection),
    ]


async def _value(connection: Connection, sql: str) -> Any:
    rows: list[Any] = await connection.fetch(sql, (), list)
    return rows[0][0] if rows else None


async def _journal(connection: Connection) -> Sign:
    mode = str(await _value(connection, "PRAGMA journal_mode"))
    if mode in ("wal", "memory"):
        return Sign("journal", "ok", mode)
    return Sign(
        "journal", "warning", mode, "readers and the writer wait for each other: leave journal_mode out, for WAL"
    )


async def _keys(connection: Connection) -> Sign:
    if await _value(connection, "PRAGMA foreign_keys"):
        return Sign("foreign keys", "ok", "are checked")
    return Sign("foreign keys", "error", "are not checked", "this SQLite was built without them: use another one")


async def _whole(connection: Connection) -> Sign:
    rows: list[Any] = await connection.fetch("PRAGMA quick_check", (), list)
    found = [str(row[0]) for row in rows]
    if found == ["ok"]:
        return Sign("file", "ok", "is whole")
    return Sign("file", "error", "; ".join(found[:SHOWN]), "restore a backup, or try the program sqlite3: .recover")


async def _references(connection: Connection) -> Sign:
    rows: list[Any] = await connection.fetch("PRAGMA foreign_key_check", (), list)
    if not rows:
        return Sign("references", "ok", "every foreign key has its row")
    tables = ", ".join(sorted({f"{row[0]} → {row[2]}" for row in rows}))
    return Sign("references", "error", f"{len(rows)} rows lead nowhere: {tables}", "mend or delete these rows")


async def _strict(connection: Connection) -> Sign:
    rows: list[Any] = await connection.fetch(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND NOT strict "
        "AND name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY name",
        (),
        list,
    )
    if not rows:
        return Sign("strict tables", "ok", "all")
    names = ", ".join(str(row[0]) for row in rows)
    return Sign("strict tables", "warning", f"not: {names}", "a column there takes values of any type")

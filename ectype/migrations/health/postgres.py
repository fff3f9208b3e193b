"""What matters on PostgreSQL: who stands between, what may be done, how long things wait, and two clocks."""

from __future__ import annotations

import time
from typing import Any, Final

from ectype.adapters.base import Connection
from ectype.errors import EctypeError
from ectype.migrations.health.signs import Sign

# Key of a lock that nobody else takes: it is given back at once.
LOCK: Final = 0x6563_7479_7065_2B31
TRIES: Final = 5
CLOCK_SECONDS: Final = 2.0
# https://www.postgresql.org/support/versioning/: five years each.
OLDEST_SUPPORTED: Final = 14
FULL: Final = 0.8


async def examine(connection: Connection) -> list[Sign]:
    """Return the signs, in the order in which they are shown."""
    return [
        await _version(connection),
        await _pooler(connection),
        await _encoding(connection),
        await _rights(connection),
        await _writable(connection),
        await _durability(connection),
        *await _timeouts(connection),
        await _connections(connection),
        await _indexes(connection),
        await _waiting(connection),
        await _clock(connection),
    ]


async def _row(connection: Connection, sql: str) -> Any:
    rows: list[Any] = await connection.fetch(sql, (), list)
    return rows[0]


async def _setting(connection: Connection, name: str) -> str:
    return str((await _row(connection, f"SELECT current_setting('{name}')"))[0])


async def _version(connection: Connection) -> Sign:
    text = await _setting(connection, "server_version")
    number = int((await _row(connection, "SELECT current_setting('server_version_num')::int"))[0])
    if number // 10_000 < OLDEST_SUPPORTED:
        fix = f"PostgreSQL {number // 10_000} gets no repairs any more: upgrade the server"
        return Sign("server version", "warning", text, fix)
    return Sign("server version", "ok", text)


async def _pooler(connection: Connection) -> Sign:
    """A lock of a session must be given back by the session that took it; through a transaction pooler it is not."""
    pids: set[int] = set()
    for _ in range(TRIES):
        pids.add(int((await _row(connection, "SELECT pg_backend_pid()"))[0]))
    taken = bool((await _row(connection, f"SELECT pg_try_advisory_lock({LOCK})"))[0])
    given_back = taken and await _unlocked(connection)
    if len(pids) > 1 or (taken and not given_back):
        return Sign(
            "pooler",
            "error",
            "a transaction pooler changes the session from statement to statement",
            "migrations and listeners need the server itself: give them its own address, or pool by session",
        )
    if not taken:
        return Sign("pooler", "warning", "the lock was taken by another session", "run it again")
    return Sign("pooler", "ok", "the session stays the same, and its locks with it")


async def _unlocked(connection: Connection) -> bool:
    # PostgreSQL warns when the lock is not held; that is the answer, not an error.
    try:
        return bool((await _row(connection, f"SELECT pg_advisory_unlock({LOCK})"))[0])
    except EctypeError:
        return False


async def _encoding(connection: Connection) -> Sign:
    text = await _setting(connection, "server_encoding")
    if text != "UTF8":
        return Sign("encoding", "error", text, "make the database anew in UTF8: ectype create does so")
    return Sign("encoding", "ok", text)


async def _rights(connection: Connection) -> Sign:
    row = await _row(
        connection,
        "SELECT current_user::text, coalesce(current_schema()::text, ''), "
        "coalesce(has_schema_privilege(current_schema(), 'CREATE'), false), "
        "(SELECT rolsuper FROM pg_roles WHERE rolname = current_user)",
    )
    user, schema, may_create, is_super = row
    if not may_create:
        where = f"schema {schema}" if schema else "a schema: the search path names none that is there"
        fix = f'GRANT CREATE ON SCHEMA {schema or "public"} TO "{user}"; migrations need it, the application does not'
        return Sign("rights", "warning", f"{user} may not make tables in {where}", fix)
    if is_super:
        return Sign(
            "rights", "warning", f"{user} is a superuser", "connect the application as a role with fewer rights"
        )
    return Sign("rights", "ok", f"{user} may make tables in the schema {schema}")


async def _writable(connection: Connection) -> Sign:
    row = await _row(connection, "SELECT pg_is_in_recovery(), current_setting('default_transaction_read_only')")
    if row[0]:
        return Sign("writing", "error", "the server is a standby", "target_session_attrs=read-write in the URL")
    if row[1] == "on":
        return Sign("writing", "error", "transactions are read-only", "see default_transaction_read_only")
    return Sign("writing", "ok", "the server takes writes")


async def _durability(connection: Connection) -> Sign:
    names = ("fsync", "full_page_writes", "synchronous_commit")
    off = [name for name in names if await _setting(connection, name) == "off"]
    if off:
        fix = "a crash may lose transactions that were committed, or more: right for tests only"
        return Sign("durability", "warning", f"{', '.join(off)} off", fix)
    return Sign("durability", "ok", "what is committed is on the disk")


async def _timeouts(connection: Connection) -> list[Sign]:
    found: list[Sign] = []
    for name, why in (
        ("statement_timeout", "a statement that never ends holds its locks for ever"),
        ("idle_in_transaction_session_timeout", "a session that forgot to commit holds its locks for ever"),
    ):
        text = await _setting(connection, name)
        role = 'ALTER ROLE "…" SET'
        fix = f"{why}: {role} {name} = '{'30s' if name == 'statement_timeout' else '60s'}'"
        found.append(Sign(name, "warning", "none", fix) if text == "0" else Sign(name, "ok", text))
    text = await _setting(connection, "lock_timeout")
    found.append(Sign("lock_timeout", "ok", "none; migrations set their own" if text == "0" else text))
    return found


async def _connections(connection: Connection) -> Sign:
    used, most = await _row(
        connection,
        "SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')::int, "
        "current_setting('max_connections')::int",
    )
    text = f"{used} of {most} used"
    if used > most * FULL:
        return Sign("connections", "warning", text, "make the pools smaller, or put a pooler in front")
    return Sign("connections", "ok", text)


async def _indexes(connection: Connection) -> Sign:
    rows: list[Any] = await connection.fetch(
        "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid ORDER BY 1", (), list
    )
    if rows:
        names = ", ".join(row[0] for row in rows)
        return Sign("indexes", "warning", f"invalid: {names}", "a build was cut off: drop it and make it again")
    return Sign("indexes", "ok", "all are valid")


async def _waiting(connection: Connection) -> Sign:
    count = (
        await _row(
            connection,
            "SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND state LIKE 'idle in transaction%' AND state_change < clock_timestamp() - interval '1 minute'",
        )
    )[0]
    if count:
        return Sign("transactions", "warning", f"{count} idle for more than a minute", "find who forgot to commit")
    return Sign("transactions", "ok", "none is idle for more than a minute")


async def _clock(connection: Connection) -> Sign:
    """Compare two clocks by the quickest of a few answers: half of its way is the error."""
    best: tuple[float, float] | None = None
    for _ in range(TRIES):
        before = time.time()
        server = float((await _row(connection, "SELECT extract(epoch FROM clock_timestamp())::float8"))[0])
        after = time.time()
        way = after - before
        if best is None or way < best[0]:
            best = (way, server - (before + after) / 2)
    assert best is not None, "it was asked"
    way, apart = best
    text = f"{abs(apart) * 1000:.0f} ms apart (± {way * 500:.0f} ms)"
    if abs(apart) - way / 2 > CLOCK_SECONDS:
        return Sign("clock", "warning", text, "set both by NTP: timestamps of the two cannot be compared")
    return Sign("clock", "ok", text)

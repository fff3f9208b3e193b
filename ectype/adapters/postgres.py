"""PostgreSQL through asyncpg: its public methods only, every failure settled and turned into our own errors."""
# the deadline is a parameter of every method of the contract

import asyncio
import re
import ssl
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from time import monotonic
from typing import Any, NoReturn, Protocol, TypeVar, cast
from urllib.parse import urlencode

import asyncpg  # pyright: ignore[reportMissingTypeStubs]  # it ships none

from ectype.adapters.base import Begin, Use
from ectype.adapters.postgres_cursor import Portal, PostgresCursor
from ectype.adapters.postgres_errors import translate
from ectype.adapters.url import Config
from ectype.errors import (
    ConfigError,
    ConnectError,
    DeadlineError,
    TransactionAbortedError,
    UnsupportedError,
)
from ectype.sql.dialect import POSTGRES, Dialect

T = TypeVar("T")

OLDEST = (13, 0)
STATEMENT_CACHE_SIZE = 512
SETTLE_SECONDS = 0.2
"""How long a cancelled statement may take to end before its connection is cut (a deadline has 250 ms of grace)."""

_WRITES = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "COPY"})
_TLS_OPTIONS = ("sslmode", "sslcert", "sslkey", "sslpassword", "sslrootcert", "sslcrl", "sslnegotiation")

_READS = re.compile(r"\s*(?:select|values|table)\b", re.IGNORECASE)
_INTO = re.compile(r"\binto\b", re.IGNORECASE)

# DISCARD ALL would also drop the prepared statements, which are worth keeping.
_RESET = """
SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET SESSION AUTHORIZATION; RESET ALL; DISCARD TEMP;
DISCARD SEQUENCES
"""


class _Driver(Protocol):
    """The part of `asyncpg.Connection` that is used here; asyncpg ships no types."""

    async def fetch(self, query: str, *args: object, timeout: float | None = None) -> list[Any]: ...
    async def fetchmany(
        self, query: str, args: Sequence[Sequence[object]], *, timeout: float | None = None
    ) -> list[Any]: ...
    async def execute(self, query: str, *args: object, timeout: float | None = None) -> str: ...
    def cursor(self, query: str, *args: object, timeout: float | None = None) -> Awaitable["Portal"]: ...
    async def prepare(self, query: str, *, name: str, timeout: float | None = None) -> "_Prepared": ...
    async def close(self, *, timeout: float | None = None) -> None: ...
    def terminate(self) -> None: ...
    def is_closed(self) -> bool: ...
    def is_in_transaction(self) -> bool: ...
    def get_server_version(self) -> Any: ...
    def get_server_pid(self) -> int: ...
    def add_termination_listener(self, callback: Callable[[Any], None]) -> None: ...


class _Prepared(Protocol):
    """The part of `asyncpg.PreparedStatement` that is used here."""

    def get_attributes(self) -> tuple[Any, ...]: ...
    def get_statusmsg(self) -> str | None: ...
    async def fetch(self, *args: object, timeout: float | None = None) -> list[Any]: ...


_connect = cast("Callable[..., Awaitable[_Driver]]", asyncpg.connect)  # pyright: ignore[reportUnknownMemberType]


def affected(tag: str) -> int:
    """Return how many rows a command tag says were written; 0 for what writes none.

    >>> affected("INSERT 0 3"), affected("SELECT 5"), affected("CREATE TABLE")
    (3, 0, 0)
    """
    command, _, count = tag.partition(" ")
    return int(count.rpartition(" ")[2]) if command in _WRITES else 0


def _left(timeout: float | None, started: float) -> float | None:
    return None if timeout is None else max(0.001, timeout - (monotonic() - started))


def begin_text(how: Begin) -> str:
    """Return the statement that begins a transaction.

    >>> begin_text(Begin(isolation="serializable", read_only=True))
    'BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY'
    """
    modes = [f"ISOLATION LEVEL {how.isolation.upper()}"] if how.isolation else []
    if how.read_only:
        modes.append("READ ONLY")
    if how.deferrable:
        modes.append("DEFERRABLE")
    return f"BEGIN {', '.join(modes)}".rstrip()


class PostgresConnection:
    """One connection to a PostgreSQL server. See `ectype.adapters.base.Connection` for the contract."""

    __slots__ = ("__weakref__", "_driver", "_fetch", "_in_transaction", "_url", "broken")

    def __init__(self, driver: _Driver, url: str) -> None:
        self._driver = driver
        # Bound once: these two are called with every statement.
        self._fetch = driver.fetch
        self._in_transaction = driver.is_in_transaction
        self._url = url
        self.broken = False
        driver.add_termination_listener(self._on_lost)

    def _on_lost(self, _driver: object) -> None:
        self.broken = True

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open, failed ones included."""
        return not self.broken and self._in_transaction()

    @property
    def server_pid(self) -> int:
        """The process that serves this connection, for messages and for `pg_stat_activity`."""
        return self._driver.get_server_pid()

    async def fetch(
        self, sql: str, params: Sequence[object], load: Callable[[list[Any]], T], timeout: float | None = None
    ) -> T:
        """Run one statement and return `load(rows)`."""
        try:
            rows = await self._fetch(sql, *params, timeout=timeout)
        except BaseException as exc:  # noqa: BLE001  # whatever it is, the connection is settled before it rises
            await self._fail(exc, params, timeout)
        return load(rows)

    async def execute(self, sql: str, params: Sequence[object] = (), timeout: float | None = None) -> int:
        """Run one statement and return how many rows it wrote."""
        return affected(await self._run(sql, params, timeout))

    async def execute_many(self, sql: str, rows: Sequence[Sequence[object]], timeout: float | None = None) -> int:
        """Run one writing statement without RETURNING once a row of parameters, in one implicit transaction.

        `RETURNING 1` is added to it: the driver tells the rows of a batch, not its counts.
        """
        return await self.fetch_many(f"{sql.rstrip().rstrip(';')}\nRETURNING 1", rows, len, timeout)

    async def fetch_many(
        self,
        sql: str,
        rows: Sequence[Sequence[object]],
        load: Callable[[list[Any]], T],
        timeout: float | None = None,
    ) -> T:
        """Run one returning statement once a row of parameters, pipelined, in one implicit transaction."""
        try:
            found = await self._driver.fetchmany(sql, rows, timeout=timeout)
        except BaseException as exc:  # noqa: BLE001  # as in `fetch`
            await self._fail(exc, (), timeout)
        return load(found)

    async def query(
        self,
        sql: str,
        params: Sequence[object],
        load: Callable[[tuple[str, ...], list[Any], int], T],
        timeout: float | None = None,
    ) -> T:
        """Run one statement and return `load(columns, rows, count)`.

        A row knows its columns. Where there is none the statement is asked, which is a round trip more; it has no name
        on the server, so that it is gone with the next one and need not be closed.
        """
        started = monotonic()
        rows: list[Any] | None = None
        try:
            if _READS.match(sql) and not _INTO.search(sql):
                rows = await self._fetch(sql, *params, timeout=timeout)
            statement = None if rows else await self._driver.prepare(sql, name="", timeout=_left(timeout, started))
            if rows is None:
                rows = await cast("_Prepared", statement).fetch(*params, timeout=_left(timeout, started))
        except BaseException as exc:  # noqa: BLE001  # as in `fetch`
            await self._fail(exc, params, timeout)
        if statement is None:
            return load(tuple(rows[0].keys()), rows, len(rows))
        columns = tuple([one.name for one in statement.get_attributes()])
        return load(columns, rows, len(rows) if columns else affected(statement.get_statusmsg() or ""))

    async def cursor(
        self, sql: str, params: Sequence[object], batch: int, use: Use, timeout: float | None = None
    ) -> PostgresCursor:
        """Begin to read the rows of one statement in the open transaction: a portal, which sees no later writes."""
        try:
            portal = await self._driver.cursor(sql, *params, timeout=timeout)
        except BaseException as exc:  # noqa: BLE001  # as in `fetch`
            await self._fail(exc, params, timeout)
        return PostgresCursor(self, portal, sql, batch, self._fail, shared=use == "shared")

    async def script(self, sql: str, timeout: float | None = None) -> None:
        """Run several statements at once; outside a transaction they are one, unless the text says otherwise."""
        await self._run(sql, (), timeout)

    async def begin(self, how: Begin, timeout: float | None = None) -> None:
        """Open a transaction."""
        await self._run(begin_text(how), (), timeout)

    async def commit(self, timeout: float | None = None) -> None:
        """Commit; a server that answers with ROLLBACK had a failed transaction, and nothing was saved."""
        if await self._run("COMMIT", (), timeout) == "ROLLBACK":
            raise TransactionAbortedError(
                "COMMIT was answered by ROLLBACK: a statement in this transaction had failed, and nothing was saved",
                hint="the error of that statement was swallowed: let it leave the `transaction()` block, or run what "
                "may fail in a nested `transaction()`",
            )

    async def rollback(self, timeout: float | None = None) -> None:
        """Roll the open transaction back."""
        await self._run("ROLLBACK", (), timeout)

    async def reset(self, timeout: float | None = None) -> None:
        """Undo settings, roles, temporary tables, sequences' state, advisory locks, cursors and LISTEN."""
        await self._run(_RESET, (), timeout)

    async def close(self, timeout: float = 5.0) -> None:
        """Say goodbye within the deadline, else cut the connection."""
        try:
            await self._driver.close(timeout=timeout)
        except asyncio.CancelledError:
            self.terminate()
            raise
        except Exception:  # noqa: BLE001  # closing ends the connection whatever the driver says
            self.terminate()
        self.broken = True

    def terminate(self) -> None:
        """Cut the connection without a word."""
        self.broken = True
        # The transport may belong to an event loop that has been closed.
        with suppress(RuntimeError):
            self._driver.terminate()

    async def _run(self, sql: str, params: Sequence[object], timeout: float | None) -> str:
        try:
            return await self._driver.execute(sql, *params, timeout=timeout)
        except AttributeError:
            # asyncpg finds no command tag after text that holds no statement, as a comment alone.
            if self.broken:
                raise
            return ""
        except BaseException as exc:  # noqa: BLE001  # as in `fetch`
            await self._fail(exc, params, timeout)

    async def _fail(self, exc: BaseException, params: Sequence[object], timeout: float | None) -> NoReturn:
        if isinstance(exc, (asyncio.CancelledError, TimeoutError)):
            await self._settle()
            if isinstance(exc, asyncio.CancelledError):
                raise exc
            raise DeadlineError(
                f"a statement on {self._url} ran past its deadline of {timeout:g} s and was cancelled"
                if timeout is not None
                else f"a statement on {self._url} timed out",
                hint="give the call a longer `timeout=`, or make the statement cheaper",
            ) from exc
        if not isinstance(exc, Exception):
            self.terminate()
            raise exc
        error = translate(exc, self._url, params)
        if isinstance(error, ConnectError):
            self.terminate()
        raise error from exc

    async def _settle(self) -> None:
        """Wait until a cancelled statement has ended, or cut the connection; more cancellations change nothing."""
        settling = asyncio.ensure_future(self._prove_alive())
        while not settling.done():
            try:
                await asyncio.wait({settling})
            except asyncio.CancelledError:  # the caller raises the first one
                continue

    async def _prove_alive(self) -> None:
        try:
            # The driver waits for the end of the cancelled statement before it sends this.
            await self._driver.execute("SELECT 1", timeout=SETTLE_SECONDS)
        except asyncpg.PostgresError:
            # An answer: the transaction has failed, or a late cancel hit this statement instead.
            self.broken = self._driver.is_closed()
        except Exception:  # noqa: BLE001  # no answer in time, or no connection
            self.terminate()


class PostgresAdapter:
    """Makes connections to one PostgreSQL database.

    Attributes:
        dialect: what the server can do; its version is known after the first `connect`.
        url: the URL without its password.
        single: always False.
    """

    single = False

    def __init__(self, config: Config) -> None:
        self.dialect: Dialect = POSTGRES
        self.url = config.masked
        self._config = config
        self._arguments = _connect_arguments(config)

    async def connect(self, timeout: float) -> PostgresConnection:
        """Make one connection.

        Raises:
            ConnectError: no server answered in time, or it refused.
            ConfigError: an option of the URL cannot be used.
            UnsupportedError: the server is older than PostgreSQL 13.
        """
        limit = min(timeout, float(self._config.options.get("connect_timeout", timeout)) or timeout)
        try:
            driver: _Driver = await _connect(timeout=limit, **self._arguments)
        except Exception as exc:
            raise self._refusal(exc, limit) from exc
        found = driver.get_server_version()
        version = (int(found.major), int(found.minor))
        if version < OLDEST:
            driver.terminate()
            raise UnsupportedError(
                f"{self.url} is PostgreSQL {version[0]}.{version[1]}; the oldest supported one is {OLDEST[0]}",
                hint="upgrade the server",
            )
        if version != self.dialect.version:
            self.dialect = replace(POSTGRES, version=version)
        return PostgresConnection(driver, self.url)

    def _refusal(self, exc: Exception, limit: float) -> ConnectError | ConfigError:
        state: object = getattr(exc, "sqlstate", None)
        if isinstance(exc, asyncpg.ClientConfigurationError):
            return ConfigError(f"{self.url} cannot be used: {exc}", hint="correct that option of the URL")
        if isinstance(exc, TimeoutError):
            return ConnectError(
                f"no connection to {self.url}: no answer within {limit:g} s",
                hint="check the host and port, and whether a firewall drops the packets",
            )
        why = f"{exc} (SQLSTATE {state})" if isinstance(state, str) else str(exc) or exc.__class__.__name__
        return ConnectError(f"no connection to {self.url}: {why}", hint=self._hint(exc, state))

    def _hint(self, exc: Exception, state: object) -> str:
        if isinstance(state, str):
            return _HINTS.get(state, "the server's own log says more").format(database=self._config.database)
        if isinstance(exc, ssl.SSLError):
            return "the server's certificate was not accepted: check `sslmode` and `sslrootcert`"
        return "is the server running there? check host and port in the URL"


_HINTS = {
    "28P01": "check user and password in the URL, or PGUSER and PGPASSWORD",
    "28000": "the server's pg_hba.conf does not let this user in from here: check user, host and `sslmode`",
    "3D000": "create the database first: `ectype create`, or `createdb {database}`",
    "53300": "make the pools smaller, or raise max_connections on the server",
    "57P03": "the server is starting or stopping: try again in a moment",
}


def _connect_arguments(config: Config) -> dict[str, Any]:
    """Return the keyword arguments of `asyncpg.connect` for a URL; the DSN carries the TLS options only."""
    options = config.options
    settings = {
        "application_name": options.get("application_name", "ectype"),
        "datestyle": "ISO",
        "timezone": "UTC",
    }
    if "options" in options:
        settings["options"] = options["options"]
    if config.read_only:
        settings["default_transaction_read_only"] = "on"
    tls = {name: options[name] for name in _TLS_OPTIONS if name in options}
    return {
        "dsn": f"postgresql:///?{urlencode(tls)}" if tls else None,
        "host": list(config.hosts) or None,
        "port": list(config.ports) if len(config.ports) > 1 else (config.ports[0] if config.ports else None),
        "user": config.user,
        "password": config.password,
        "database": config.database,
        "target_session_attrs": options.get("target_session_attrs"),
        "statement_cache_size": int(options.get("statement_cache_size", STATEMENT_CACHE_SIZE)),
        "max_cached_statement_lifetime": 0,
        "server_settings": settings,
    }


def create(config: Config) -> PostgresAdapter:
    """Return the adapter of a `postgresql://` URL; nothing is connected yet."""
    return PostgresAdapter(config)

"""PostgreSQL through asyncpg: hosts tried in turn, passwords and TLS as libpq has them."""

from __future__ import annotations

# the deadline is a parameter of every method of the contract
import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from inspect import isawaitable
from time import monotonic
from typing import Any, TypeAlias, cast
from urllib.parse import urlencode

import asyncpg  # pyright: ignore[reportMissingTypeStubs]  # it ships none

from ectype.adapters.base import Begin, Copier
from ectype.adapters.libpq import password_file, password_for
from ectype.adapters.postgres_connection import Driver, PostgresConnection, Shared, begin_text
from ectype.adapters.postgres_pooler import HINT, is_pooled, keep_settings
from ectype.adapters.url import Config, Password
from ectype.errors import ConfigError, ConnectError, UnsupportedError
from ectype.sql.dialect import POSTGRES, Dialect

OLDEST = (13, 0)
STATEMENT_CACHE_SIZE = 512
_TLS_OPTIONS = (
    "sslmode",
    "sslcert",
    "sslkey",
    "sslpassword",
    "sslrootcert",
    "sslcrl",
    "sslnegotiation",
    "ssl_min_protocol_version",
    "ssl_max_protocol_version",
)
_PREFER_STANDBY = "prefer-standby"

Place: TypeAlias = tuple[str | None, int | None]
"""A host and its port; None for the driver's own defaults."""

_connect = cast("Callable[..., Awaitable[Driver]]", asyncpg.connect)  # pyright: ignore[reportUnknownMemberType]


class PostgresAdapter:
    """Makes connections to one PostgreSQL database.

    Statements are prepared once a connection and kept under a name, unless a pooler stands in between that may give
    each transaction another server (`prepare=unnamed`). `prepare=auto`, the default, finds that out at the first
    connection; `prepare=named` trusts the pooler with names, as pgbouncer keeps them with `max_prepared_statements`,
    and with nothing else of a session.

    Attributes:
        dialect: what the server can do; its version is known after the first `connect`.
        database: what events say of it.
        url: the URL without its password.
        migrating: how migrations are kept.
        single: always False.
        copier: always None.
    """

    single = False
    copier: Copier | None = None

    def __init__(self, config: Config) -> None:
        self.dialect: Dialect = POSTGRES
        self.url = config.masked
        self.database = config.told
        self.migrating = config.migrating
        self._config = config
        self._arguments = _connect_arguments(config)
        self._places = _places(config)
        self._prepare = config.options.get("prepare", "auto").lower()
        self._shared = Shared(pooled=self._prepare == "unnamed")
        self._pooler: bool | None = None
        self._direct = None if config.direct is None else PostgresAdapter(config.direct)

    def begin_text(self, how: Begin) -> str:
        """Return the statement by which its connections open a transaction."""
        return begin_text(how)

    async def connect(self, timeout: float) -> PostgresConnection:
        """Make one connection.

        Raises:
            ConnectError: no server answered in time, or it refused.
            ConfigError: an option of the URL cannot be used.
            UnsupportedError: the server is older than PostgreSQL 13.
        """
        end = monotonic() + timeout
        driver = await self._reach(end, timeout)
        if self._pooler is None and self._prepare != "unnamed":
            self._pooler = self._shared.pooled = await self._stands_behind_a_pooler(driver, end, timeout)
        if self._prepare == "auto":
            self._prepare = "unnamed" if self._pooler else "named"
            if self._pooler:
                self._shared.named = False
                with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                    await driver.close(timeout=max(0.05, end - monotonic()))
                driver = await self._reach(end, timeout)
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
        if self._shared.pooled:
            keep_settings(driver)
        return PostgresConnection(driver, self.url, self._shared, self.connect)

    async def connect_session(self, timeout: float) -> PostgresConnection:
        """Make one connection whose session is its own: to `direct_url` where there is one.

        Raises:
            UnsupportedError: a pooler stands in between, and no `direct_url` leads around it.
            ConnectError, ConfigError: as `connect`.
        """
        if self._direct is not None:
            return await self._direct.connect(timeout)
        connection = await self.connect(timeout)
        if self._pooler is None:
            # `prepare=unnamed` was given, which says nothing of sessions.
            self._pooler = await self._stands_behind_a_pooler(connection.driver, monotonic() + timeout, timeout)
        if self._pooler:
            await connection.close(1.0)
            raise UnsupportedError(
                f"{self.url} leads to a pooler in transaction mode, and listeners and locks need a session of their "
                "own (PostgreSQL)",
                hint=f'{HINT}; migrations in the default schema also do with `migration_lock="transaction"`',
            )
        return connection

    async def _stands_behind_a_pooler(self, driver: Driver, end: float, timeout: float) -> bool:
        try:
            return await is_pooled(driver, max(0.05, end - monotonic()))
        except BaseException as exc:
            driver.terminate()
            if isinstance(exc, Exception):
                raise self._refusal([(self._places[0], exc)], timeout) from exc
            raise

    async def _reach(self, end: float, timeout: float) -> Driver:
        """Connect to the first host that answers and is what `target_session_attrs` asks for.

        Each has its share of the time that is left, so that a host that is gone does not take it all.
        """
        ask = self._config.password
        given = await self._ask(ask, max(0.01, end - monotonic())) if callable(ask) else ask
        wanted = self._config.options.get("target_session_attrs", "any").lower()
        failures: list[tuple[Place, Exception]] = []
        rounds = ["standby", "any"] if wanted == _PREFER_STANDBY else [wanted]
        tries = [(place, attributes) for attributes in rounds for place in self._places]
        for number, (place, attributes) in enumerate(tries):
            share = max(0.01, (end - monotonic()) / (len(tries) - number))
            try:
                return await self._reach_one(place, attributes, share, given)
            except _NEXT_HOST as exc:
                failures.append((place, exc))
            except Exception as exc:
                raise self._refusal([(place, exc)], timeout) from exc
        raise self._refusal(failures, timeout) from failures[-1][1]

    async def _reach_one(self, place: Place, attributes: str, share: float, given: str | None) -> Driver:
        host, port = place
        limit = float(self._config.options.get("connect_timeout", 0)) or share
        password = given or self._password_of(host, port)
        return await _connect(
            timeout=min(share, limit),
            host=host,
            port=port,
            # A function, so that the driver does not look for a password itself, in its own way.
            password=lambda: password,
            target_session_attrs=attributes,
            statement_cache_size=self._cache_size,
            **self._arguments,
        )

    async def _ask(self, password: Password, timeout: float) -> str:
        """Return the password of the moment. What goes wrong in the function is told by its class: it holds secrets."""
        try:
            async with asyncio.timeout(timeout):
                answer = password()
                given = cast("object", await answer if isawaitable(answer) else answer)
        except Exception as exc:
            raise ConnectError(
                f"no connection to {self.url}: its `password=` function raised {exc.__class__.__name__}",
                hint="the error above is the function's own",
            ) from exc
        if not isinstance(given, str):
            raise ConfigError(
                f"the `password=` function of {self.url} returned {given.__class__.__name__}",
                hint="it returns the password as a str",
            )
        return given

    @property
    def _cache_size(self) -> int:
        if self._prepare == "unnamed":
            return 0
        return int(self._config.options.get("statement_cache_size", STATEMENT_CACHE_SIZE))

    def _password_of(self, host: str | None, port: int | None) -> str | None:
        config = self._config
        file = password_file(config.options.get("passfile"))
        if file is None:
            return None
        return password_for(file, host=host, port=port, database=config.database, user=config.user)

    def _refusal(self, failures: list[tuple[Place, Exception]], limit: float) -> ConnectError | ConfigError:
        exc = failures[-1][1]
        if isinstance(exc, asyncpg.ClientConfigurationError):
            return ConfigError(f"{self.url} cannot be used: {exc}", hint="correct that option of the URL")
        if len(failures) == 1:
            why = _why(exc, limit)
        else:
            why = "; ".join(f"{_shown(place)}: {_why(each, limit)}" for place, each in failures)
        return ConnectError(f"no connection to {self.url}: {why}", hint=self._hint(exc))

    def _hint(self, exc: Exception) -> str:
        state: object = getattr(exc, "sqlstate", None)
        if isinstance(state, str):
            return _HINTS.get(state, "the server's own log says more").format(database=self._config.database)
        if isinstance(exc, asyncpg.TargetServerAttributeNotMatched):
            return "name all hosts of the cluster in the URL, or ask for less with `target_session_attrs`"
        if isinstance(exc, TimeoutError):
            return "check the host and port, and whether a firewall drops the packets"
        if isinstance(exc, ssl.SSLError):
            return "the server's certificate was not accepted: check `sslmode` and `sslrootcert`"
        return "is the server running there? check host and port in the URL"


_NEXT_HOST = (
    OSError,
    TimeoutError,
    asyncpg.CannotConnectNowError,
    asyncpg.PostgresConnectionError,
    asyncpg.TargetServerAttributeNotMatched,
)
"""What one host may be without the next being tried in vain; a refused password would be refused there too."""

_HINTS = {
    "28P01": "check user and password in the URL, or PGUSER and PGPASSWORD",
    "28000": "the server's pg_hba.conf does not let this user in from here: check user, host and `sslmode`",
    "3D000": "create the database first: `ectype create`, or `createdb {database}`",
    "53300": "make the pools smaller, or raise max_connections on the server",
    "57P03": "the server is starting or stopping: try again in a moment",
}


def _why(exc: Exception, limit: float) -> str:
    state: object = getattr(exc, "sqlstate", None)
    if isinstance(exc, TimeoutError):
        return f"no answer within {limit:g} s"
    return f"{exc} (SQLSTATE {state})" if isinstance(state, str) else str(exc) or exc.__class__.__name__


def _shown(place: Place) -> str:
    host, port = place
    return f"{host}:{port or 5432}"


def _places(config: Config) -> list[Place]:
    if not config.hosts:
        return [(None, config.ports[0] if config.ports else None)]
    ports = config.ports or (None,)
    return [(host, ports[index] if index < len(ports) else ports[0]) for index, host in enumerate(config.hosts)]


def _connect_arguments(config: Config) -> dict[str, Any]:
    """Return the arguments of `asyncpg.connect` that are the same for every host; the DSN carries the TLS options."""
    options = config.options
    # Parameters of the start-up, never a SET: they are the session's from its first moment, and a pooler knows them.
    settings = {
        "application_name": options.get("application_name", "ectype"),
        "datestyle": "ISO",
        "timezone": "UTC",
    }
    if config.read_only:
        settings["default_transaction_read_only"] = "on"
    if "options" in options:
        settings["options"] = options["options"]
    tls = {name: options[name] for name in _TLS_OPTIONS if name in options}
    return {
        "dsn": f"postgresql:///?{urlencode(tls)}" if tls else None,
        "user": config.user,
        "database": config.database,
        "max_cached_statement_lifetime": 0,
        "server_settings": settings,
    }


def create(config: Config) -> PostgresAdapter:
    """Return the adapter of a `postgresql://` URL; nothing is connected yet."""
    return PostgresAdapter(config)

"""Database URL to a frozen `Config`: what to connect to, read once, and never printed with its password."""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias
from urllib.parse import parse_qsl, quote, unquote

from ectype.adapters.libpq import from_environment, from_service
from ectype.adapters.migrating import Migrating
from ectype.errors import ConfigError, did_you_mean
from ectype.telemetry import Database

POOL_OPTIONS = (
    "connect_timeout",
    "hold_warning",
    "idle_check",
    "max_idle",
    "max_lifetime",
    "pool_size",
    "pool_timeout",
    "queue_interval",
    "queue_target",
    "timeout",
)
"""What the URL of every database may say about the repo's pool; times are in seconds."""
POSTGRES_OPTIONS = (
    *POOL_OPTIONS,
    "host",
    "port",
    "user",
    "password",
    "dbname",
    "application_name",
    "options",
    "passfile",
    "prepare",
    "service",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslcert",
    "sslcrl",
    "sslkey",
    "sslmode",
    "sslnegotiation",
    "sslpassword",
    "sslrootcert",
    "statement_cache_size",
    "target_session_attrs",
)
_OURS = (*(one for one in POOL_OPTIONS if one != "connect_timeout"), "prepare", "service", "statement_cache_size")
"""Options that libpq does not have, or that name the service itself."""
SQLITE_OPTIONS = (
    *POOL_OPTIONS,
    "busy_timeout",
    "inline",
    "journal_mode",
    "mode",
    "statement_cache_size",
    "synchronous",
)

_CHOICES: Mapping[str, tuple[str, ...]] = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "prepare": ("auto", "named", "unnamed"),
    "sslnegotiation": ("postgres", "direct"),
    "ssl_min_protocol_version": ("tlsv1", "tlsv1.1", "tlsv1.2", "tlsv1.3"),
    "ssl_max_protocol_version": ("tlsv1", "tlsv1.1", "tlsv1.2", "tlsv1.3"),
    "target_session_attrs": ("any", "primary", "standby", "prefer-standby", "read-write", "read-only"),
    "inline": ("on", "off"),
    "journal_mode": ("wal", "delete", "truncate", "persist", "memory", "off"),
    "mode": ("ro", "rw", "rwc"),
    "synchronous": ("off", "normal", "full", "extra"),
}
_WHOLE_NUMBERS = ("busy_timeout", "connect_timeout", "pool_size", "statement_cache_size")
_SECONDS = tuple(name for name in POOL_OPTIONS if name not in _WHOLE_NUMBERS)
_SECRETS = ("password", "sslpassword")
_SCHEMES = {"postgresql": "postgresql", "postgres": "postgresql", "sqlite": "sqlite"}
_NOT_YET = ("mysql", "mariadb", "mssql", "oracle", "cockroachdb")

_PASSWORD = re.compile(r"(://[^:/@?]*:)(.*)(@)", re.DOTALL)
_NO_PORT = re.compile(r"(://[^:/@?\[]*:)(?!\d{1,5}(?:[,/?]|$))[^/?@]*")
_DECIMAL = re.compile(r"\d{1,9}(?:\.\d{1,9})?", re.ASCII)
_SECRET_OPTION = re.compile(r"([?&](?:password|sslpassword)=)[^&]*")

Password: TypeAlias = Callable[[], str | Awaitable[str]]
"""Gives the password of the moment, as a cloud's token that ends after minutes."""

MEMORY = ":memory:"
"""The path of SQLite's private database in memory."""


@dataclass(frozen=True, slots=True, repr=False)
class Config:
    """What a database URL says, with libpq's environment variables filled in.

    Attributes:
        scheme: `postgresql` or `sqlite`.
        hosts: host names, addresses or folders of unix sockets, in the order they are tried; empty means the
            driver's own defaults.
        ports: one port a host, or one for all, or none.
        user: the role; None means the user of the operating system.
        password: None means `~/.pgpass`, or none; a function is asked for it at each new connection.
        database: the name of the database; None means that of the user.
        path: SQLite's file as it was written, or `:memory:`; empty for servers.
        options: what followed the `?`, and for servers what the service file and the environment added.
        attach: SQLite's further files, by the name of their schema.
        direct: where a session of its own is had, around a pooler; None where the URL itself leads there.
        read_only: whether its connections refuse to write.
        migrating: how the migrations are kept.
    """

    scheme: str
    hosts: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    user: str | None = None
    password: str | Password | None = field(default=None, repr=False)
    database: str | None = None
    path: str = ""
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType(dict[str, str]()), hash=False)
    attach: Mapping[str, str] = field(default_factory=lambda: MappingProxyType(dict[str, str]()), hash=False)
    direct: Config | None = None
    read_only: bool = False
    migrating: Migrating = field(default_factory=Migrating)

    @property
    def masked(self) -> str:
        """The URL to show in messages: every password is `***`.

        >>> parse("postgresql://ada:secret@db:5432/blog?sslmode=require", environ={}).masked
        'postgresql://ada:***@db:5432/blog?sslmode=require'
        """
        return f"{self.scheme}://{self.path_or_address}{''.join(self._shown_options())}"

    @property
    def told(self) -> Database:
        """What events say of the database."""
        if self.scheme == "sqlite":
            return Database(self.scheme, self.path)
        host = self.hosts[0] if len(self.hosts) == 1 else None
        return Database(self.scheme, self.database or self.user, host, self.ports[0] if len(self.ports) == 1 else None)

    @property
    def path_or_address(self) -> str:
        """What stands between `://` and `?`, masked."""
        if self.scheme == "sqlite":
            return f"/{self.path}"
        user = "" if self.user is None else quote(self.user, safe="")
        password = "" if self.password is None else ":***"
        at = "@" if user or password else ""
        return f"{user}{password}{at}{','.join(self._addresses())}/{quote(self.database or '', safe='')}"

    def _addresses(self) -> Iterator[str]:
        for index, host in enumerate(self.hosts):
            name = f"[{host}]" if ":" in host else quote(host, safe="")
            port = self.ports[index] if index < len(self.ports) else self.ports[0] if self.ports else None
            yield name if port is None else f"{name}:{port}"

    def _shown_options(self) -> Iterator[str]:
        for index, (name, value) in enumerate(self.options.items()):
            shown = "***" if name in _SECRETS else quote(value, safe="/:,-_. =")
            yield f"{'&' if index else '?'}{name}={shown}"

    def __repr__(self) -> str:
        return f"Config({self.masked!r})"


def mask(url: str) -> str:
    """Hide the password of a URL that may be malformed: all between the user and the last `@`.

    >>> mask("postgresql://ada:p@ss/word@db/blog")
    'postgresql://ada:***@db/blog'
    """
    if "://" not in url:
        return mask(f"://{url}")[3:]
    masked = _PASSWORD.sub(r"\1***\3", url, count=1)
    # Without an `@`, what stands where the port should may be a password all the same.
    masked = masked if "@" in masked else _NO_PORT.sub(r"\1***", masked, count=1)
    return _SECRET_OPTION.sub(r"\1***", masked)


def parse(url: str, *, environ: Mapping[str, str] | None = None) -> Config:
    """Read a database URL.

    PostgreSQL URLs are libpq's (https://www.postgresql.org/docs/current/libpq-connect.html, section 34.1.1.2): several
    hosts, unix sockets as `?host=/run/postgresql` or `%2Frun%2Fpostgresql`. What the URL leaves out the service says
    that `?service=` or `PGSERVICE` names, and then the environment (`PGHOST`, `PGSSLMODE`, …; see
    `ectype.adapters.libpq`). SQLite's file follows three slashes, an absolute path four; `busy_timeout` is in
    milliseconds as in the PRAGMA, all other times are in seconds (`connect_timeout` for each host). What a URL says
    about the pool (`pool_size=20`) is stronger than the keywords of `Repo`.

    Args:
        url: `postgresql://…` or `sqlite://…`.
        environ: the environment to read; the process's own when None.

    Raises:
        ConfigError: the URL cannot be used. The message holds no password.

    >>> parse("sqlite:///blog.db").path
    'blog.db'
    >>> parse("postgresql://db1,db2:6432/blog", environ={}).hosts
    ('db1', 'db2')
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        raise ConfigError(f"{mask(url)!r} is not a database URL", hint=_hint_for_no_scheme(url))
    known = _SCHEMES.get(scheme.lower())
    if known is None:
        raise ConfigError(f"{mask(url)!r} names no database that ectype knows", hint=_hint_for_scheme(scheme, rest))
    if known == "sqlite":
        return _sqlite(url, rest)
    return _postgres(url, rest, os.environ if environ is None else environ)


def _hint_for_no_scheme(url: str) -> str:
    scheme, colon, rest = url.partition(":")
    if colon and scheme.lower() in _SCHEMES:
        slashes = "///" if scheme.lower() == "sqlite" else "//"
        return f'write "{scheme}:{slashes}{mask(rest.lstrip("/"))}"'
    return f'for a SQLite file write "sqlite:///{mask(url) or "blog.db"}", for a server "postgresql://user:password@host/database"'


def _hint_for_scheme(scheme: str, rest: str) -> str:
    name, plus, driver = scheme.lower().partition("+")
    if plus and name in _SCHEMES:
        return f'ectype brings its own driver: leave out "+{driver}" and write "{name}://{mask(rest)}"'
    if name in _NOT_YET:
        return f"{name} is not supported yet; use postgresql:// or sqlite://"
    return did_you_mean(name, _SCHEMES)


def _options(url: str, query: str, known: tuple[str, ...]) -> dict[str, str]:
    options: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in known:
            if "@" in query:
                raise ConfigError(
                    f"an option of {mask(url)!r} is unknown",
                    hint="percent-encode special characters in the user and the password: `?` is %3F, `@` is %40",
                )
            raise ConfigError(f"the option {name!r} of {mask(url)!r} is unknown", hint=did_you_mean(name, known))
        if name in options:
            raise ConfigError(f"the option {name!r} stands twice in {mask(url)!r}", hint="leave one of them out")
        _check_option(url, name, value)
        options[name] = value
    return options


def _check_option(url: str, name: str, value: str) -> None:
    choices = _CHOICES.get(name)
    if choices is not None and value.lower() not in choices:
        raise ConfigError(
            f"{name}={value} of {mask(url)!r} is not a choice", hint=f"choose one of {', '.join(choices)}"
        )
    if name in _WHOLE_NUMBERS and not (value.isascii() and value.isdigit()):
        raise ConfigError(f"{name}={value} of {mask(url)!r} is not a whole number", hint=f"write {name}=5, say")
    if name in _SECONDS and not _DECIMAL.fullmatch(value):
        raise ConfigError(f"{name}={value} of {mask(url)!r} is not a number of seconds", hint=f"write {name}=2.5, say")


def _sqlite(url: str, rest: str) -> Config:
    location, _, query = rest.partition("?")
    options = MappingProxyType(_options(url, query, SQLITE_OPTIONS))
    if location and not location.startswith("/"):
        raise ConfigError(
            f"{mask(url)!r} has a host, and SQLite has none",
            hint=f'three slashes make it a file: "sqlite:///{mask(rest)}"',
        )
    path = unquote(location[1:]) or MEMORY
    if "\0" in path:
        raise ConfigError(f"the path of {url!r} holds a NUL byte", hint="take out `%00`")
    return Config(scheme="sqlite", path=path, options=options)


def _postgres(url: str, rest: str, environ: Mapping[str, str]) -> Config:
    location, _, query = rest.partition("?")
    options = _options(url, query, POSTGRES_OPTIONS)
    credentials, _, location = location.rpartition("@")
    addresses, _, name = location.partition("/")
    if "/" in credentials or "/" in name:
        raise ConfigError(
            f"{mask(url)!r} has a `/` that is part of no name",
            hint="percent-encode special characters in user, password and database: `/` is %2F, `@` is %40",
        )
    user, colon, password = credentials.partition(":")
    defaults = _defaults(url, options.pop("service", None), environ)
    host, port, dbname = defaults.pop("host", ""), defaults.pop("port", ""), defaults.pop("dbname", None)
    role, secret = defaults.pop("user", None), defaults.pop("password", None)
    hosts, ports = _hosts(url, options.pop("host", None) or addresses or host)
    port = options.pop("port", None) or ("" if ports else port)
    return Config(
        scheme="postgresql",
        hosts=hosts,
        ports=_ports(url, port) if port else ports,
        user=options.pop("user", None) or unquote(user) or role,
        password=options.pop("password", None) or (unquote(password) if colon else secret),
        database=options.pop("dbname", None) or unquote(name) or dbname,
        options=MappingProxyType(defaults | options),
    )


def _defaults(url: str, service: str | None, environ: Mapping[str, str]) -> dict[str, str]:
    """Return what holds where the URL says nothing: what its service says, then what the environment says."""
    found = from_environment(environ)
    service = service or environ.get("PGSERVICE")
    if service:
        found |= from_service(service, environ, tuple(name for name in POSTGRES_OPTIONS if name not in _OURS))
    for name, value in found.items():
        _check_option(url, name, value)
    return found


def _hosts(url: str, addresses: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    hosts: list[str] = []
    ports: list[str] = []
    for address in filter(None, addresses.split(",")):
        host, port = _split_address(address)
        hosts.append(unquote(host))
        ports.append(port)
    if any(ports):
        return tuple(hosts), _ports(url, ",".join(port or "5432" for port in ports))
    return tuple(hosts), ()


def _split_address(address: str) -> tuple[str, str]:
    if address.startswith("["):
        host, _, port = address[1:].partition("]")
        return host, port.removeprefix(":")
    if address.startswith("/") or address.count(":") > 1:
        return address, ""
    host, _, port = address.partition(":")
    return host, port


def _ports(url: str, text: str) -> tuple[int, ...]:
    ports: list[int] = []
    for port in text.split(","):
        number = int(port) if port.isascii() and port.isdigit() and len(port) <= 5 else 0
        if not 0 < number < 65_536:
            raise ConfigError(
                f"a port of {mask(url)!r} is no port",
                hint="a port is a number from 1 to 65535; percent-encode a `:` in the user or password as %3A",
            )
        ports.append(number)
    return tuple(ports)

"""What programs that use libpq read beside the URL: its environment variables, the service file, the password file.

https://www.postgresql.org/docs/current/libpq-envars.html, libpq-pgservice.html and libpq-pgpass.html.
"""

from __future__ import annotations

import stat
import sys
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

from ectype.errors import ConfigError, did_you_mean

VARIABLES: Mapping[str, str] = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "application_name": "PGAPPNAME",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "options": "PGOPTIONS",
    "passfile": "PGPASSFILE",
    "sslmode": "PGSSLMODE",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcrl": "PGSSLCRL",
    "sslnegotiation": "PGSSLNEGOTIATION",
    "ssl_min_protocol_version": "PGSSLMINPROTOCOLVERSION",
    "ssl_max_protocol_version": "PGSSLMAXPROTOCOLVERSION",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
}
"""Option of the URL to the variable that says it where the URL does not."""


def from_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the options that the environment gives; an empty variable says nothing."""
    return {name: environ[variable] for name, variable in VARIABLES.items() if environ.get(variable)}


def from_service(service: str, environ: Mapping[str, str], known: tuple[str, ...]) -> dict[str, str]:
    """Return the options of one service: of the user's own file, else of the system's.

    Args:
        service: the name of the section.
        environ: says where the files are: `PGSERVICEFILE`, else `~/.pg_service.conf`; then `PGSYSCONFDIR`.
        known: the options that a section may hold.

    Raises:
        ConfigError: no file has the service, or its section cannot be used.
    """
    files = _service_files(environ)
    for file in files:
        text = _text(file)
        found = None if text is None else _section(text, service, file)
        if found is None:
            continue
        for name in found:
            if name not in known:
                raise ConfigError(
                    f"the option {name!r} of the service {service!r} in {file} is unknown",
                    hint=did_you_mean(name, known),
                )
        return found
    looked = " and ".join(str(file) for file in files) or "no file, for there is no home folder"
    raise ConfigError(
        f"the service {service!r} is nowhere: looked in {looked}",
        hint=f"write a section [{service}] there, or name the file in PGSERVICEFILE",
    )


def password_for(
    file: Path, *, host: str | None, port: int | None, database: str | None, user: str | None
) -> str | None:
    r"""Return the password of the first line that matches; None without one, and for a file that others can read.

    Args:
        file: lines of `host:port:database:user:password`; `*` matches all, `\` escapes `:` and itself.
        host: a name, an address or the folder of a unix socket, which `localhost` matches too; None for that of no
            URL, which is `localhost`.
        port: None for 5432.
        database: None for the user's.
        user: the role.
    """
    text = _text(file)
    if text is None:
        return None
    if sys.platform != "win32" and file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        warnings.warn(
            f"the password file {file} is not used, since others may read it: chmod 600 {file}",
            RuntimeWarning,
            stacklevel=2,
        )
        return None
    hosts = {"localhost"} if host is None else {host, "localhost"} if host.startswith("/") else {host}
    wanted = (hosts, {str(port or 5432)}, {database or user}, {user})
    for line in text.splitlines():
        if not line.startswith("#"):
            *fields, password = _fields(line)
            if len(fields) == len(wanted) and all(
                field == "*" or field in those for field, those in zip(fields, wanted, strict=True)
            ):
                return password
    return None


def password_file(named: str | None) -> Path | None:
    """Return the file that is named, else the user's own; None without a home folder."""
    if named:
        return Path(named)
    home = _home()
    if home is None:
        return None
    return home / ("AppData/Roaming/postgresql/pgpass.conf" if sys.platform == "win32" else ".pgpass")


def _fields(line: str) -> list[str]:
    r"""Split a line at its colons.

    >>> _fields(r"db:5432:*:ada:a\:b\\c:d")
    ['db', '5432', '*', 'ada', 'a:b\\c:d']
    """
    fields = [""]
    characters = iter(line)
    for character in characters:
        if character == "\\":
            fields[-1] += next(characters, "")
        elif character == ":" and len(fields) < 5:
            fields.append("")
        else:
            fields[-1] += character
    return fields


def _service_files(environ: Mapping[str, str]) -> list[Path]:
    files: list[Path] = []
    home = _home()
    if environ.get("PGSERVICEFILE"):
        files.append(Path(environ["PGSERVICEFILE"]))
    elif home is not None:
        files.append(home / ".pg_service.conf")
    if environ.get("PGSYSCONFDIR"):
        files.append(Path(environ["PGSYSCONFDIR"]) / "pg_service.conf")
    return files


def _section(text: str, service: str, file: Path) -> dict[str, str] | None:
    inside = False
    options: dict[str, str] = {}
    for number, line in _lines(text):
        if line.startswith("["):
            if inside:
                return options
            inside = line == f"[{service}]"
        elif inside:
            name, equals, value = line.partition("=")
            if not equals:
                raise ConfigError(f"line {number} of {file} is no `option=value`")
            options[name.strip()] = value.strip()
    return options if inside else None


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            yield number, stripped


def _home() -> Path | None:
    try:
        return Path.home()
    except (RuntimeError, KeyError):
        return None


def _text(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None

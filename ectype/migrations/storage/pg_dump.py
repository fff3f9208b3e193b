"""PostgreSQL's own `pg_dump`: who else would know all that a server can hold."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from typing import Final

from ectype.adapters.url import Config
from ectype.errors import ConfigError

SECONDS: Final = 300.0
ARGUMENTS: Final = ("--schema-only", "--no-owner", "--no-privileges", "--no-password")

# What differs from run to run, or between a pg_dump and an older server, and says nothing of the structure.
NOISE: Final = re.compile(
    r"^(?:\\(?:un)?restrict .*|-- Dumped (?:from|by) .*|-- Started on .*|-- Completed on .*"
    r"|SET transaction_timeout = .*|CREATE SCHEMA public;|--)\n",
    re.MULTILINE,
)
VARIABLES: Final = {
    "sslmode": "PGSSLMODE",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcrl": "PGSSLCRL",
    "sslnegotiation": "PGSSLNEGOTIATION",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "options": "PGOPTIONS",
}


async def structure(config: Config, server: int) -> str:
    """Return what `pg_dump` says of a database's structure.

    Args:
        config: the database.
        server: the major version of its server.

    Raises:
        ConfigError: `pg_dump` is not installed, older than the server, or fails.
    """
    program = shutil.which("pg_dump")
    if program is None:
        raise ConfigError(
            "`pg_dump` is not installed, and only it knows all that a PostgreSQL database can hold",
            hint=f"install PostgreSQL's client programs, {server} or newer (Debian: postgresql-client)",
        )
    said = await _run(program, ("--version",), dict(os.environ))
    found = re.search(r"(\d+)(?:\.\d+)?", said)
    if found is None or int(found[1]) < server:
        raise ConfigError(
            f"{said.strip()} is older than the server, PostgreSQL {server}, and refuses to read it",
            hint=f"install PostgreSQL's client programs, {server} or newer",
        )
    text = NOISE.sub("", await _run(program, ARGUMENTS, environment(config)))
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n\n"


def environment(config: Config) -> dict[str, str]:
    """Return the variables that say which database is meant: a command line is seen by all users of a machine."""
    found = dict(os.environ)
    given = {
        "PGHOST": ",".join(config.hosts),
        "PGPORT": ",".join(str(port) for port in config.ports),
        "PGUSER": config.user,
        "PGPASSWORD": config.password if isinstance(config.password, str) else None,
        "PGDATABASE": config.database,
        "PGAPPNAME": "ectype",
    }
    given |= {variable: config.options.get(option) for option, variable in VARIABLES.items()}
    return found | {name: value for name, value in given.items() if value}


async def _run(program: str, arguments: tuple[str, ...], environ: dict[str, str]) -> str:
    process = await asyncio.create_subprocess_exec(
        program,
        *arguments,
        env=environ,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), SECONDS)
    except BaseException as exc:
        if process.returncode is None:
            process.kill()
            await process.wait()
        if isinstance(exc, TimeoutError):
            raise ConfigError(f"pg_dump did not end within {SECONDS:g} s", hint="look at what holds its locks") from exc
        raise
    if process.returncode:
        raise ConfigError(
            f"pg_dump failed: {err.decode(errors='replace').strip()}",
            hint="it must be able to connect as the URL says, and to read the catalogue",
        )
    return out.decode()

"""The options that several commands share."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from ectype.adapters.base import Adapter
from ectype.adapters.registry import adapter_for
from ectype.cli.settings import database_url, find_project, migrations_folder

Database: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="The database's URL; else DATABASE_URL, else `url` under tool.ectype in pyproject.toml.", metavar="URL"
    ),
]
Folder: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        help="The folder of migrations; else `migrations` under tool.ectype in pyproject.toml, else ./migrations."
    ),
]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Quiet: TypeAlias = Annotated[bool, typer.Option("--quiet", help="Print errors only.")]
Step: TypeAlias = Annotated[int | None, typer.Option(min=1, metavar="N", help="How many migrations at most.")]
To: TypeAlias = Annotated[int | None, typer.Option(metavar="VERSION", help="The last migration to run.")]
ToExclusive: TypeAlias = Annotated[int | None, typer.Option(metavar="VERSION", help="The first migration not to run.")]
Prefix: TypeAlias = Annotated[
    str | None, typer.Option(metavar="SCHEMA", help="The PostgreSQL schema; it has a journal of its own.")
]
Fake: TypeAlias = Annotated[bool, typer.Option("--fake", help="Write into the journal only; run nothing.")]
Plan: TypeAlias = Annotated[bool, typer.Option("--plan", help="Show what would run, and change nothing.")]
Sql: TypeAlias = Annotated[
    Path | None, typer.Option("--sql", metavar="FILE", help="Write the SQL into a file, - for the output; run nothing.")
]
LogSql: TypeAlias = Annotated[
    bool, typer.Option("--log-migrations-sql", help="Print each statement of a migration, and how long it took.")
]
Parallel: TypeAlias = Annotated[int, typer.Option(min=1, metavar="N", help="How many schemas at once.")]
All: TypeAlias = Annotated[bool, typer.Option("--all", help="Every migration.")]


def _seconds(text: str | float) -> float:
    """Read `60`, `60s` or `0.5s`."""
    try:
        seconds = float(str(text).removesuffix("s"))
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 86_400:
        raise typer.BadParameter(f"{text!r} is no number of seconds; write 60 or 60s")
    return seconds


Pause: TypeAlias = Annotated[
    float, typer.Option(parser=_seconds, metavar="SECONDS", help="How long to rest between two batches.")
]
MaxLag: TypeAlias = Annotated[
    float | None,
    typer.Option(
        parser=_seconds, metavar="SECONDS", help="How far a replica may be behind; the backfill waits for it."
    ),
]
LockWait: TypeAlias = Annotated[
    float, typer.Option(parser=_seconds, metavar="SECONDS", help="How long to wait for another run to end.")
]
LockTimeout: TypeAlias = Annotated[
    float, typer.Option(parser=_seconds, metavar="SECONDS", help="How long a statement may wait for a table.")
]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command works: the database and the folder of migrations."""

    adapter: Adapter
    folder: Path


def place(database: str | None, folder: Path | None) -> Place:
    """Return where to work, from the options and the settings.

    Raises:
        ConfigError: no database is named, or its URL cannot be used.
    """
    project = find_project(Path.cwd())
    return Place(adapter_for(database_url(database, project)), migrations_folder(folder, project))

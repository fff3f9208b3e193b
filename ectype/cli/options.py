"""The options that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from ectype.adapters.base import Adapter
from ectype.adapters.registry import adapter_for
from ectype.cli.settings import database_of, find_project, migrations_folders, seconds, statement_timeout

Database: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="The database's URL; else DATABASE_URL, else `url` under tool.ectype in pyproject.toml.", metavar="URL"
    ),
]
Folder: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(
        "--folder",
        "--migrations-path",
        metavar="PATH",
        help="The folder of migrations, once for each; else `migrations` under tool.ectype, else ./migrations.",
    ),
]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
Events: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print one JSON object for each event; the last has the result.")
]
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
LogMigratorSql: TypeAlias = Annotated[
    bool,
    typer.Option("--log-migrator-sql", help="Print each statement of the run itself: its locks, its journal."),
]
StrictOrder: TypeAlias = Annotated[
    bool, typer.Option("--strict-order", help="Refuse a pending migration that is older than an applied one.")
]
FailFast: TypeAlias = Annotated[bool, typer.Option("--fail-fast", help="Begin no other schema after one failed.")]
Allow: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(metavar="L01,D02", help="Rules of `ectype lint` that do not stop this run."),
]
Parallel: TypeAlias = Annotated[int, typer.Option(min=1, metavar="N", help="How many schemas at once.")]
All: TypeAlias = Annotated[bool, typer.Option("--all", help="Every migration.")]


def _seconds(text: str | float) -> float:
    """Read `60`, `60s` or `0.5s`."""
    found = seconds(str(text))
    if found is None:
        raise typer.BadParameter(f"{text!r} is no number of seconds; write 60 or 60s")
    return found


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
StatementTimeout: TypeAlias = Annotated[
    float | None,
    typer.Option(
        parser=_seconds,
        metavar="SECONDS",
        help="How long a statement may take; else `statement_timeout` under tool.ectype (PostgreSQL).",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How far a run goes, how, where, and what it prints: the options of `migrate` and `rollback`, here and there."""

    step: Step = None
    to: To = None
    to_exclusive: ToExclusive = None
    all: All = False
    fake: Fake = False
    database: Database = None
    folder: Folder = None
    lock_wait: LockWait = 60.0
    lock_timeout: LockTimeout = 2.0
    statement_timeout: StatementTimeout = None
    log_migrations_sql: LogSql = False
    log_migrator_sql: LogMigratorSql = False
    quiet: Quiet = False
    json: Events = False

    def limits(self) -> dict[str, Any]:
        """Return how long to wait and whether anything runs, as the functions of `ectype.migrations` take it.

        Raises:
            ConfigError: `statement_timeout` of pyproject.toml is no number of seconds.
        """
        project = find_project(Path.cwd())
        return {
            "fake": self.fake,
            "lock_wait": self.lock_wait,
            "lock_timeout": self.lock_timeout,
            "statement_timeout": statement_timeout(self.statement_timeout, project),
        }

    def far(self) -> dict[str, Any]:
        """Return how far to go, as the functions of `ectype.migrations` take it."""
        return {"step": self.step, "to": self.to, "to_exclusive": self.to_exclusive, "all": self.all}


@dataclass(frozen=True, slots=True, kw_only=True)
class Forward:
    """What only a run upward has: the options of `migrate`, in one schema or in many."""

    strict_order: StrictOrder = False
    parallel: Parallel = 8
    fail_fast: FailFast = False
    allow: Allow = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command works: the database and the folders of migrations."""

    adapter: Adapter
    folders: tuple[Path, ...]


def place(database: str | None, folder: Sequence[Path] | None) -> Place:
    """Return where to work, from the options and the settings.

    Raises:
        ConfigError: no database is named, or its URL cannot be used.
    """
    project = find_project(Path.cwd())
    return Place(adapter_for(database_of(database, project)), migrations_folders(folder, project))

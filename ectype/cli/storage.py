"""`ectype create`, `drop`, `reset`, `dump` and `load`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

from ectype import migrations
from ectype.adapters.url import mask
from ectype.cli.failures import reported
from ectype.cli.options import Database, Folder, Json, Place, Quiet, place
from ectype.cli.output import Output
from ectype.cli.settings import Project, beside, database_of, database_url, find_project
from ectype.errors import ConfigError
from ectype.migrations import storage
from ectype.migrations.scripts import find

FILE: Final = "structure.sql"

Destroy: TypeAlias = Annotated[
    str | None,
    typer.Option("--yes-destroy", metavar="DBNAME", help="The name of the database that is to be destroyed."),
]
Template: TypeAlias = Annotated[
    str | None, typer.Option("--template", metavar="DBNAME", help="The database to begin as a copy of (PostgreSQL).")
]
Locale: TypeAlias = Annotated[
    str | None, typer.Option("--locale", metavar="NAME", help="How text is sorted, such as C.UTF-8 (PostgreSQL).")
]
Force: TypeAlias = Annotated[bool, typer.Option("--force", help="Cut off those who are connected to it (PostgreSQL).")]
File: TypeAlias = Annotated[
    Path | None,
    typer.Argument(
        help="The file; else `structure` under tool.ectype in pyproject.toml, else structure.sql beside it."
    ),
]


def create(
    *,
    template: Template = None,
    locale: Locale = None,
    database: Database = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Make the database, unless it is there."""
    output = Output(as_json=json, quiet=quiet)
    with reported(output):
        url = database_url(database, find_project(Path.cwd()))
        _tell(output, url, asyncio.run(storage.create(url, template=template, locale=locale)))


def drop(
    *,
    yes_destroy: Destroy = None,
    force: Force = False,
    database: Database = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Remove the database with all that is in it; --yes-destroy must name it."""
    output = Output(as_json=json, quiet=quiet)
    with reported(output):
        url = database_url(database, find_project(Path.cwd()))
        _confirm(url, yes_destroy, "drop")
        _tell(output, url, asyncio.run(storage.drop(url, force=force)))


def reset(
    *,
    yes_destroy: Destroy = None,
    force: Force = False,
    template: Template = None,
    locale: Locale = None,
    database: Database = None,
    folder: Folder = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Remove the database, make it anew and migrate it; --yes-destroy must name it."""
    output = Output(as_json=json, quiet=quiet)
    with reported(output):
        url = database_url(database, find_project(Path.cwd()))
        where = place(url, folder)
        _confirm(url, yes_destroy, "reset")
        resetting = _reset(url, where, force=force, template=template, locale=locale)
        versions = asyncio.run(resetting)
        output.line(f"dropped, created and migrated {storage.database_name(url)}: {len(versions)} applied", mark="✔")
        output.document({"database": mask(url), "applied": versions})


def dump(file: File = None, *, database: Database = None, quiet: Quiet = False, json: Json = False) -> None:
    """Write the structure of the database, and which migrations made it, into a file."""
    output = Output(as_json=json, quiet=quiet)
    with reported(output):
        project = find_project(Path.cwd())
        url = database_url(database, project)
        target = _file(file, project)
        asyncio.run(storage.dump(database_of(database, project), target))
        output.line(f"wrote {target}", mark="✔")
        output.document({"database": mask(url), "file": str(target)})


def load(
    file: File = None,
    *,
    skip_if_loaded: Annotated[
        bool, typer.Option("--skip-if-loaded", help="Leave a database as it is that has tables.")
    ] = False,
    database: Database = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Make the tables of an empty database from the file that `ectype dump` wrote."""
    output = Output(as_json=json, quiet=quiet)
    with reported(output):
        project = find_project(Path.cwd())
        url = database_url(database, project)
        target = _file(file, project)
        is_loaded = asyncio.run(storage.load(url, target, skip_if_loaded=skip_if_loaded))
        output.line(f"loaded {target}" if is_loaded else "nothing to load: it has tables", mark="✔")
        output.document({"database": mask(url), "file": str(target), "loaded": is_loaded})


async def _reset(url: str, where: Place, *, force: bool, template: str | None, locale: str | None) -> list[int]:
    # A folder that cannot be used must be known before anything is lost.
    find(where.folders)
    await storage.drop(url, force=force)
    await storage.create(url, template=template, locale=locale)
    return await migrations.migrate(where, where.folders)


def _file(file: Path | None, project: Project) -> Path:
    return beside(file, project, project.structure or (FILE if project.repo is None else f"{project.repo}_{FILE}"))


def _confirm(url: str, given: str | None, command: str) -> None:
    name = storage.database_name(url)
    if given is None and sys.stdin.isatty() and sys.stderr.isatty():
        typer.echo(f"{mask(url)} will be destroyed with all that is in it.", err=True)
        given = typer.prompt(f"Type its name, {name}, to go on", err=True, default="", show_default=False)
    if given is None:
        raise ConfigError(
            f"`ectype {command}` destroys the database `{name}`, nothing was done",
            hint=f"say that you mean it: ectype {command} --yes-destroy {name}",
        )
    if given != name:
        raise ConfigError(
            f"the database is `{name}`, not {given!r}: nothing was done", hint="name the one that is meant"
        )


def _tell(output: Output, url: str, outcome: storage.Outcome) -> None:
    name = storage.database_name(url)
    said = {
        "created": f"created {name}",
        "exists": f"{name} exists already",
        "dropped": f"dropped {name}",
        "missing": f"there is no {name}",
    }[outcome]
    output.line(said, mark="✔")
    output.document({"database": mask(url), "outcome": outcome})

"""`ectype resolve`, `baseline`, `squash` and `verify`: the journal and the files, put side by side or put right."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ectype import migrations
from ectype.cli.failures import Exit, reported
from ectype.cli.options import Database, Folder, Json, LockWait, Prefix, Quiet, place
from ectype.cli.output import Output, short_hash
from ectype.cli.settings import database_of, find_project, migrations_folders
from ectype.errors import ConfigError

Version = Annotated[int, typer.Argument(help="The migration's version.")]


def resolve(
    version: Version,
    *,
    applied: Annotated[bool, typer.Option("--applied", help="It is finished, or its edited text is right.")] = False,
    rolled_back: Annotated[bool, typer.Option("--rolled-back", help="It is undone.")] = False,
    database: Database = None,
    folder: Folder = None,
    prefix: Prefix = None,
    lock_wait: LockWait = 60.0,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Say how a migration that ended half-way was finished or undone by hand; nothing of it runs."""
    output = Output(as_json=json, quiet=quiet)
    with reported(output):
        if applied == rolled_back:
            raise ConfigError(
                "`resolve` does not know how it ended",
                hint=f"ectype resolve {version} --applied\n      ectype resolve {version} --rolled-back",
            )
        where = place(database, folder)
        how = "applied" if applied else "rolled-back"
        work = migrations.resolve(where, version, how, where.folders, prefix=prefix, lock_wait=lock_wait)
        asyncio.run(work)
        output.line(f"{version} is {how.replace('-', ' ')} now, says the journal", mark="✔")
        output.document({"version": version, "resolved": how})


def baseline(
    version: Version,
    *,
    database: Database = None,
    folder: Folder = None,
    prefix: Prefix = None,
    lock_wait: LockWait = 60.0,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Say that a database has the migrations up to a version already; nothing of them runs."""
    output = Output(as_json=json, quiet=quiet)
    with reported(output):
        where = place(database, folder)
        work = migrations.baseline(where, version, where.folders, prefix=prefix, lock_wait=lock_wait)
        versions = asyncio.run(work)
        output.line(f"{len(versions)} migrations up to {version} are applied now, says the journal", mark="✔")
        output.document({"applied": versions})


def squash(
    *,
    to: Annotated[int, typer.Option(metavar="VERSION", help="The last migration that goes into it.")],
    database: Database = None,
    folder: Folder = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Make one migration of all up to a version, proven on scratch databases to make the same schema."""
    output = Output(as_json=json, quiet=quiet)
    with reported(output):
        project = find_project(Path.cwd())
        where = migrations_folders(folder, project)
        made = asyncio.run(migrations.squash(database_of(database, project), to, where))
        for one in where:
            migrations.write_lock_file(one, only_if_there=True)
        output.line(f"wrote {made.path}, which stands for {len(made.versions)} migrations", mark="✔")
        output.line(f"their files are in {made.kept}; schema sha256 {short_hash(made.schema)} as before")
        output.document({"path": str(made.path), "versions": list(made.versions), "schema": made.schema})


def verify(
    *,
    write_lock: Annotated[
        bool, typer.Option("--write-lock", help="Write migrations.lock from the files first.")
    ] = False,
    database: Database = None,
    folder: Folder = None,
    prefix: Prefix = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Compare the files, migrations.lock and the journal; the database is not written to.

    Exits with 6 when they do not fit.
    """
    output = Output(as_json=json, quiet=quiet)
    with reported(output):
        where = place(database, folder)
        for one in where.folders if write_lock else ():
            if (path := migrations.write_lock_file(one)) is not None:
                output.line(f"wrote {path}", mark="✔")
        found = asyncio.run(migrations.verify(where, where.folders, prefix=prefix))
        for problem in found:
            hint = problem.hint.replace("\n", "\n    ")
            output.line(f"{problem.problem}: {problem.message}\n    {hint}", mark="✘")
        output.line(f"{len(found)} problems" if found else "the files, the lock file and the journal fit")
        output.document({"problems": [asdict(problem) for problem in found]})
    if found:
        raise typer.Exit(Exit.MISMATCH)

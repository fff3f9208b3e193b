"""`ectype drift`."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from ectype.cli.diffing import Schemas, diffing, tell_unmanaged
from ectype.cli.failures import Exit, reported
from ectype.cli.options import Database, Folder, Json, Quiet
from ectype.cli.output import Output
from ectype.cli.settings import database_of, find_project, migrations_folders
from ectype.migrations.diff.files import sql
from ectype.migrations.diff.planning import Found, diff, drifted

FOREIGN = ("table", "enum", "view", "materialized view", "function", "sequence", "extension")
"""What may stand beside the tables of the migrations without changing them."""


def drift(
    *,
    against: Annotated[
        Literal["models", "files"],
        typer.Option(help="What the database is held to: the schemas, or what its applied migrations make."),
    ] = "models",
    rename: Annotated[
        list[str] | None, typer.Option(metavar="T.a:b", help="What has another name now, as of gen migration.")
    ] = None,
    schemas: Schemas = None,
    database: Database = None,
    folder: Folder = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Say how the database differs from the schemas, or from its migrations; exit with 7 when it does."""
    output = Output(as_json=json, quiet=quiet)
    with reported(output):
        found = _found(against, rename or [], schemas, database, folder)
        texts = dict(sql(found, "drift"))
        extra = [one for one in found.difference.unmanaged if against == "files" and one.kind not in FOREIGN]
        differs = bool(texts or extra)
        if not differs:
            output.line(f"no drift: the database holds what the {_words(against)}", mark="✔")
        for text in texts.values():
            output.line(f"-- what is missing to it:\n{text}")
        tell_unmanaged(output, found)
        output.document(
            {
                "against": against,
                "drift": differs,
                "sql": texts,
                "unmanaged": [asdict(one) for one in found.difference.unmanaged],
            }
        )
        if differs:
            raise typer.Exit(Exit.DRIFT)


def _words(against: str) -> str:
    return "schemas declare" if against == "models" else "applied migrations make"


def _found(
    against: str, renames: list[str], schemas: str | None, database: str | None, folder: list[Path] | None
) -> Found:
    if against == "models":
        where = diffing(database, folder, schemas)
        return asyncio.run(diff(where.url, where.base, where.folders, renames=renames))
    project = find_project(Path.cwd())
    return asyncio.run(drifted(database_of(database, project), migrations_folders(folder, project)))

"""`ectype gen migration NAME` and `ectype gen schema`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from ectype.cli.diffing import Schemas, diffing, from_schemas
from ectype.cli.failures import reported
from ectype.cli.gen_schema import schema
from ectype.cli.options import Database, Folder, Json, Quiet
from ectype.cli.output import Output
from ectype.cli.settings import find_project, folders_to_write
from ectype.errors import ConfigError
from ectype.migrations import new_migration, write_lock_file

app = typer.Typer(no_args_is_help=True)


app.command()(schema)


@app.callback()
def gen() -> None:
    """Write new files."""


@app.command()
def migration(
    name: Annotated[str, typer.Argument(help="What it does, as create_users.")],
    *,
    from_diff: Annotated[
        bool, typer.Option("--from-diff", help="Write what leads from the database to the schemas.")
    ] = False,
    rename: Annotated[
        list[str] | None,
        typer.Option(metavar="T.a:b", help="What has another name now: a column, or a table as old:new."),
    ] = None,
    online: Annotated[
        list[str] | None,
        typer.Option(
            metavar="T.a",
            help="A column that gets another type in steps, while others read and write, once for each (PostgreSQL).",
        ),
    ] = None,
    sql: Annotated[bool, typer.Option("--sql", help="Print the SQL of it, and write nothing.")] = False,
    no_input: Annotated[bool, typer.Option("--no-input", help="Ask nothing: stop where a rename is possible.")] = False,
    schemas: Schemas = None,
    database: Database = None,
    folder: Folder = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Write a new migration: an empty one, or what the schemas want of the database."""
    output = Output(as_json=json, quiet=quiet)
    with reported(output):
        if from_diff:
            where = diffing(database, folder, schemas, to_write=True)
            from_schemas(output, where, name, rename or [], online=online or [], sql=sql, no_input=no_input)
            return
        for option, given in (("--rename", rename), ("--online", online), ("--sql", sql), ("--no-input", no_input)):
            if given:
                raise ConfigError(f"`{option}` belongs to --from-diff", hint=f"add --from-diff, or drop {option}")
        folders = folders_to_write(folder, find_project(Path.cwd()))
        path = new_migration(folders, name, now=datetime.now(UTC))
        output.line(f"wrote {path}", mark="✔")
        write_lock_file(folders[0])
        output.document({"files": [str(path)]})

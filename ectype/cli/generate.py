"""`ectype gen migration NAME` and `ectype gen schema`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from ectype.cli.failures import reported
from ectype.cli.gen_schema import schema
from ectype.cli.options import Folder
from ectype.cli.output import Output
from ectype.cli.settings import find_project, migrations_folder
from ectype.migrations import new_migration, write_lock_file

app = typer.Typer(no_args_is_help=True)


app.command()(schema)


@app.callback()
def gen() -> None:
    """Write new files."""


@app.command()
def migration(
    name: Annotated[str, typer.Argument(help="What it does, as create_users.")], folder: Folder = None
) -> None:
    """Write a new, empty migration."""
    output = Output()
    with reported(output):
        target = migrations_folder(folder, find_project(Path.cwd()))
        output.line(f"wrote {new_migration(target, name, now=datetime.now(UTC))}", mark="✔")
        write_lock_file(target)

"""`ectype seed`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Final

import typer

from ectype.cli.failures import reported
from ectype.cli.options import Database, Json, Quiet
from ectype.cli.output import Output
from ectype.cli.python_files import run_file
from ectype.cli.settings import Project, beside, database_url, find_project
from ectype.repo.repo import Repo

FILE: Final = "seeds.py"


def seed(
    file: Annotated[
        Path | None,
        typer.Argument(help="The file; else `seeds` under tool.ectype in pyproject.toml, else seeds.py beside it."),
    ] = None,
    *,
    database: Database = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Run a Python file with the `repo`, in one transaction: it writes the rows that every database needs."""
    output = Output(as_json=json, quiet=quiet)
    with reported(output):
        project = find_project(Path.cwd())
        target = beside(file, project, project.seeds or FILE)
        asyncio.run(_seed(database_url(database, project), target, project))
        output.line(f"ran {target}", mark="✔")
        output.document({"file": str(target)})


async def _seed(url: str, file: Path, project: Project) -> None:
    async with Repo(url, pool_size=2) as repo:
        running = run_file(file, project, {"repo": repo})
        async with repo.transaction():
            await running

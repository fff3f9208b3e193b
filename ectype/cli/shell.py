"""`ectype shell`: Python with an open repo and the schemas, where `await` may be typed at the prompt."""

from __future__ import annotations

import ast
import asyncio
import code
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from inspect import iscoroutine
from pathlib import Path
from types import CodeType, FunctionType
from typing import Annotated, Any

import typer

import ectype
from ectype.cli.failures import reported
from ectype.cli.options import Database
from ectype.cli.output import Output
from ectype.cli.python_files import schemas_of
from ectype.cli.settings import database_url, find_project
from ectype.repo.repo import Repo


def shell(
    *,
    command: Annotated[str | None, typer.Option("--command", "-c", help="Run this line and end.")] = None,
    schemas: Annotated[
        str | None, typer.Option(metavar="MODULE", help="The module of the schemas, instead of the one that is set.")
    ] = None,
    database: Database = None,
) -> None:
    """Start Python with `repo`, the schemas and the names of ectype; `await repo.all(User)` works at the prompt."""
    output = Output()
    with reported(output):
        project = find_project(Path.cwd())
        url = database_url(database, project)
        found = schemas_of(project, schemas)
        names = {name: getattr(ectype, name) for name in ectype.__all__} | found
        with asyncio.Runner() as runner:
            repo = runner.run(_opened(url))
            try:
                _interact(runner, {**names, "repo": repo}, command, found)
            finally:
                runner.run(repo.close())


async def _opened(url: str) -> Repo:
    repo = Repo(url)
    await repo.open()
    return repo


class Console(code.InteractiveConsole):
    """A console that runs what awaits in an event loop; tasks go on while something is awaited."""

    def __init__(self, names: dict[str, Any], run: Callable[[Any], Any]) -> None:
        super().__init__(names)
        self.compile.compiler.flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        self.failed = False
        self._run = run

    def runcode(self, code: CodeType) -> None:
        """Run one piece of code, and wait for it where it awaits."""
        try:
            outcome = FunctionType(code, self.locals)()  # type: ignore[arg-type]  # it is the dict that was given
            if iscoroutine(outcome):
                self._run(outcome)
        except SystemExit:
            raise
        except BaseException as exc:  # noqa: BLE001  # the prompt comes again, whatever happens
            self.failed = True
            if isinstance(exc, KeyboardInterrupt | asyncio.CancelledError):
                self.write("\nKeyboardInterrupt\n")
            else:
                self.showtraceback()


def _interact(runner: asyncio.Runner, names: dict[str, Any], command: str | None, found: dict[str, type[Any]]) -> None:
    console = Console(names, runner.run)
    if command is not None:
        console.runsource(command, symbol="exec" if "\n" in command else "single")
        if console.failed:
            raise typer.Exit(1)
        return
    is_terminal = sys.stdin.isatty()
    if is_terminal:
        with suppress(ImportError):
            import_module("readline")  # it gives the prompt its history, where the platform has it
    else:
        sys.ps1, sys.ps2 = "", ""
    schemas = ", ".join(sorted(found)) or "none: name their module as `schemas` under tool.ectype"
    repo: Repo = names["repo"]
    banner = f"ectype {ectype.__version__}, repo: {repo.adapter.url}\nschemas: {schemas}\nawait works at the prompt"
    console.interact(banner if is_terminal else "", exitmsg="")

"""`ectype doctor`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import typer

from ectype.adapters.registry import adapter_for
from ectype.adapters.url import MEMORY, parse
from ectype.cli.failures import Exit, reported
from ectype.cli.options import Database, Json, Quiet
from ectype.cli.output import Output
from ectype.cli.settings import database_url, find_project
from ectype.errors import ConnectError
from ectype.migrations.health import Sign, examine

STYLES: Final = {"ok": "green", "warning": "yellow", "error": "red"}


def doctor(*, database: Database = None, quiet: Quiet = False, json: Json = False) -> None:
    """Look at the database and its server as an application needs them. Exits with 1 when something is wrong."""
    output = Output(as_json=json, quiet=quiet)
    with reported(output):
        url = database_url(database, find_project(Path.cwd()))
        config = parse(url)
        if config.scheme == "sqlite" and config.path != MEMORY and not Path(config.path).is_file():
            raise ConnectError(f"there is no file {config.path}", hint="make it first: ectype create")
        signs = asyncio.run(examine(adapter_for(url)))
        _show(output, config.masked, signs)
    if any(sign.state == "error" for sign in signs):
        raise typer.Exit(Exit.UNEXPECTED)


def _show(output: Output, url: str, signs: Sequence[Sign]) -> None:
    output.line(url)
    rows = [(sign.what, sign.state, sign.found) for sign in signs]
    output.table(("What", "State", "Found"), rows, [STYLES[sign.state] for sign in signs])
    for sign in signs:
        if sign.fix:
            output.line(f"{sign.what}: {sign.fix}")
    output.document({"database": url, "signs": [asdict(sign) for sign in signs]})

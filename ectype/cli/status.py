"""`ectype status`."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Final

import typer

from ectype import migrations
from ectype.adapters.base import Adapter
from ectype.cli.failures import Exit, reported
from ectype.cli.options import Database, Folder, Json, Place, Prefix, Quiet, place
from ectype.cli.output import Output
from ectype.migrations import MigrationStatus

STYLES: Final = {"up": "", "partial": "red", "pending": "yellow"}


def status(
    *,
    check: Annotated[bool, typer.Option("--check", help="Exit with 3 when a migration is not applied.")] = False,
    database: Database = None,
    folder: Folder = None,
    prefix: Prefix = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Show which migrations are applied and which are pending."""
    output = Output(as_json=json, quiet=quiet)
    with reported(output):
        where = place(database, folder)
        found, holder = asyncio.run(_read(where, prefix))
        _show(output, where.adapter, found, holder)
    if check and any(one.state != "up" for one in found):
        raise typer.Exit(Exit.PENDING)


async def _read(where: Place, prefix: str | None) -> tuple[list[MigrationStatus], str | None]:
    found = await migrations.status(where, where.folders, prefix=prefix)
    return found, await migrations.lock_holder(where, prefix=prefix)


def _show(output: Output, adapter: Adapter, found: Sequence[MigrationStatus], holder: str | None) -> None:
    dialect = adapter.dialect
    lock = {None: "", "free": "   lock: free"}.get(holder, f"   lock: held by {holder}")
    output.line(f"{adapter.url}   {dialect.name} {dialect.version[0]}.{dialect.version[1]}{lock}")
    styles = [STYLES[one.state] for one in found]
    output.table(("Version", "Name", "State", "When", "Took"), [_row(one) for one in found], styles)
    output.line(_summary(found))
    for one in found:
        if one.state == "partial":
            again = "" if one.steps is None else ", or ectype migrate to resume"
            output.line(f"fix: ectype resolve {one.version} --rolled-back (or --applied){again}")
    output.document({"database": adapter.url, "lock": holder, "migrations": [_document(one) for one in found]})


def _row(one: MigrationStatus) -> tuple[str, ...]:
    state = one.state if one.file == "ok" else f"{one.state}, file {one.file}"
    when = "" if one.finished_at is None else f"{one.finished_at:%Y-%m-%d %H:%M}"
    took = "" if one.duration_ms is None else f"{one.duration_ms} ms"
    return str(one.version), one.name, state, when, took if one.steps is None else f"step {one.step}/{one.steps}"


def _summary(found: Sequence[MigrationStatus]) -> str:
    counts = Counter(one.state for one in found)
    return ", ".join(
        f"{counts[state]} {state}" for state in ("up", "partial", "pending") if state != "partial" or counts[state]
    )


def _document(one: MigrationStatus) -> dict[str, object]:
    return {**asdict(one), "finished_at": None if one.finished_at is None else one.finished_at.isoformat()}

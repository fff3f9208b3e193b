"""`ectype rebase`."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer

from ectype import migrations
from ectype.cli.failures import reported
from ectype.cli.git import is_rebasing, not_in
from ectype.cli.options import Database, Folder, Json, Prefix, Quiet, place
from ectype.cli.output import Output


def rebase(
    *,
    onto: Annotated[
        str | None,
        typer.Option(
            metavar="GIT_REF", help="The branch whose migrations come first, as origin/main; else what is in conflict."
        ),
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Show what would be renamed, and change nothing.")] = False,
    database: Database = None,
    folder: Folder = None,
    prefix: Prefix = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Put the migrations of this branch after those of the branch that it was merged with, and mend migrations.lock."""
    output = Output(as_json=json, quiet=quiet)
    with reported(output):
        where = place(database, folder)
        local = None if onto is None else not_in(where.folders, onto)
        side = "theirs" if any(is_rebasing(one) for one in where.folders) else "ours"
        work = migrations.rebase(
            where, where.folders, now=datetime.now(UTC), local=local, side=side, prefix=prefix, plan=plan
        )
        found = asyncio.run(work)
        word = "would become" if plan else "is now"
        for one in found.renumbered:
            output.line(f"{one.path} {word} {one.to.name}", mark="✔")
        for path in found.lock_files:
            output.line(f"wrote {path}", mark="✔")
        if not found.renumbered:
            output.line("nothing to renumber: the migrations of this branch come after the others")
        elif plan:
            output.line(f"{len(found.renumbered)} would be renamed, nothing was changed")
        output.document(
            {
                "renumbered": [
                    {"path": str(one.path), "to": str(one.to), "version": one.version, "new_version": one.new_version}
                    for one in found.renumbered
                ],
                "lock_files": [str(path) for path in found.lock_files],
            }
        )

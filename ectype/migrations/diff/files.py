"""What the diff found, as migration files and as SQL."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from ectype.migrations.diff.planning import Found
from ectype.migrations.diff.source import source
from ectype.migrations.diff.steps import BackfillFile, File, Step
from ectype.migrations.diff.values import quoted
from ectype.migrations.generate import write_migrations
from ectype.migrations.scripts import BACKFILLS, Folders, folders_of
from ectype.sql.ddl import CreateIndex, DropIndex
from ectype.sql.ddl_compiler import compile_ddl
from ectype.sql.ddl_names import quote


def named(found: Found, name: str) -> list[tuple[str, list[Step]]]:
    """Return the files with their names, in order: that of the diff, or it with what each does."""
    files = list(found.difference.files())
    if len(files) == 1:
        return [(name, files[0][1])]
    return [(_name(name, file, steps), steps) for file, steps in files]


def _name(name: str, file: File, steps: list[Step]) -> str:
    match file:
        case "before":
            return f"{name}_first"
        case "main":
            return name
        case "build":
            built = next((node.index.name for node in steps[0].up if isinstance(node, CreateIndex)), "build")
            return f"{name}_{re.sub(r'[^a-z0-9_]', '_', built.lower())}"
        case "drop":
            gone = next((node.name for node in steps[0].up if isinstance(node, DropIndex)), "drop")
            return f"{name}_drop_{re.sub(r'[^a-z0-9_]', '_', gone.lower())}"
        case "check":
            return f"{name}_check"
        case "finish":
            return f"{name}_finish"
        case "last":
            return f"{name}_cleanup"


def sources(found: Found, name: str) -> list[tuple[str, Callable[[str], str]]]:
    """Return the name of each file, and what makes its source of its title."""

    def maker(steps: list[Step]) -> Callable[[str], str]:
        return lambda title: source(title, steps, found.dialect.target, found.want.python)

    return [(label, maker(steps)) for label, steps in named(found, name)]


def write(found: Found, folder: Folders, name: str, *, now: datetime) -> list[Path]:
    """Write the migrations that lead from the database to the schemas, and return their paths; none for nothing.

    The backfills that they need come after them.

    Raises:
        MigrationError: the name cannot be one, or a migration has it already.
    """
    files = sources(found, name)
    if not files:
        return []
    paths = write_migrations(folder, files, now=now)
    place = folders_of(folder)[0] / BACKFILLS
    for one in found.difference.backfills:
        place.mkdir(exist_ok=True)
        path = place / f"{one.name}.py"
        path.write_text(backfill_source(one), encoding="utf-8")
        paths.append(path)
    return paths


def backfill_source(one: BackfillFile) -> str:
    """Return the file of a backfill."""
    return (
        f'"""bring what is there in step: ectype backfill {one.name}"""\n\n'
        "from ectype.migrations import Backfill\n\n"
        f"backfill = Backfill(\n    {quoted(one.table)},\n    set={quoted(one.set)},\n    where={quoted(one.where)},\n"
        f"    key={quoted(one.key)},\n)\n"
    )


def sql(found: Found, name: str) -> Iterator[tuple[str, str]]:
    """Yield the name of each file, and the SQL that it runs."""
    for label, steps in named(found, name):
        texts = [text for step in steps for node in step.up for text in compile_ddl(node, found.dialect)]
        yield label, "".join(f"{text};\n" for text in texts)
    for one in found.difference.backfills:
        table = ".".join(quote(part, found.dialect, what="table") for part in one.table.split("."))
        yield (
            f"{BACKFILLS}/{one.name}",
            f"-- in batches, after the first file:\nUPDATE {table} SET {one.set} WHERE {one.where};\n",
        )

"""What the diff found, as migration files and as SQL."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from ectype.migrations.diff.planning import Found
from ectype.migrations.diff.source import source
from ectype.migrations.diff.steps import File, Step
from ectype.migrations.generate import write_migrations
from ectype.migrations.scripts import Folders
from ectype.sql.ddl import CreateIndex, DropIndex
from ectype.sql.ddl_compiler import compile_ddl


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
        case "finish":
            return f"{name}_finish"


def sources(found: Found, name: str) -> list[tuple[str, Callable[[str], str]]]:
    """Return the name of each file, and what makes its source of its title."""

    def maker(steps: list[Step]) -> Callable[[str], str]:
        return lambda title: source(title, steps, found.dialect.target, found.want.python)

    return [(label, maker(steps)) for label, steps in named(found, name)]


def write(found: Found, folder: Folders, name: str, *, now: datetime) -> list[Path]:
    """Write the migrations that lead from the database to the schemas, and return their paths; none for nothing.

    Raises:
        MigrationError: the name cannot be one, or a migration has it already.
    """
    files = sources(found, name)
    return write_migrations(folder, files, now=now) if files else []


def sql(found: Found, name: str) -> Iterator[tuple[str, str]]:
    """Yield the name of each file, and the SQL that it runs."""
    for label, steps in named(found, name):
        texts = [text for step in steps for node in step.up for text in compile_ddl(node, found.dialect)]
        yield label, "".join(f"{text};\n" for text in texts)

"""`ectype gen migration --from-diff`, and what it shares with `ectype drift`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from ectype.adapters.url import Config
from ectype.cli.output import Output
from ectype.cli.settings import database_of, find_project, folders_to_write, migrations_folders
from ectype.errors import ConfigError
from ectype.migrations import write_lock_file
from ectype.migrations.diff.files import sql as sql_of
from ectype.migrations.diff.files import write
from ectype.migrations.diff.planning import Found, diff
from ectype.migrations.errors import RenameQuestionError
from ectype.schema.schema import Schema

Schemas: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="MODULE[:BASE]",
        help="The module that defines the schemas, and their base class; else `schemas` under tool.ectype.",
    ),
]


@dataclass(frozen=True, slots=True)
class Diffing:
    """What is compared: a database, the base of the schemas, the folders of migrations."""

    url: Config
    base: type[Schema]
    folders: tuple[Path, ...]


def diffing(database: str | None, folder: list[Path] | None, schemas: str | None, *, to_write: bool = False) -> Diffing:
    """Return what to compare, from the options and the settings; `to_write` puts the folder to write to first.

    Raises:
        ConfigError: no database or no schemas are named, or they cannot be imported.
    """
    project = find_project(Path.cwd())
    named = schemas or project.schemas
    if named is None:
        raise ConfigError(
            "the diff does not know where the schemas are",
            hint="name their module in one of these ways:\n\n    ectype … --schemas app.schemas\n\n"
            '    [tool.ectype]                        # in pyproject.toml\n    schemas = "app.schemas"',
        )
    base = schemas_of(named, project.root)
    folders = folders_to_write(folder, project) if to_write else migrations_folders(folder, project)
    return Diffing(database_of(database, project), base, folders)


def schemas_of(named: str, root: Path) -> type[Schema]:
    """Import the modules of the schemas, and return their base: `Schema`, unless one is named behind a colon.

    Raises:
        ConfigError: one cannot be imported, the base is none, or there are two.
    """
    bases = [_base_in(one.strip(), root) for one in named.split(",") if one.strip()]
    own = [base for base in bases if base is not Schema]
    if len(set(own)) > 1:
        raise ConfigError(
            f"schemas={named!r} names two bases, and a diff compares with one",
            hint="run it once for each, with --schemas app.schemas:Base",
        )
    return own[0] if own else Schema


def _base_in(named: str, root: Path) -> type[Schema]:
    module, _, name = named.partition(":")
    for folder in (str(Path.cwd()), str(root)):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    try:
        found: Any = import_module(module)
    except Exception as exc:
        raise ConfigError(
            f"the schemas cannot be imported from `{module}`: {type(exc).__name__}: {exc}",
            hint="name a module as an import does, with --schemas app.schemas",
        ) from exc
    base: Any = getattr(found, name, None) if name else Schema
    if not (isinstance(base, type) and issubclass(base, Schema)):
        raise ConfigError(
            f"`{module}` has no base of schemas `{name}`",
            hint="name a class made with `class Base(Schema, abstract=True, registry=Registry())`",
        )
    return base


def from_schemas(
    output: Output,
    where: Diffing,
    name: str,
    renames: Sequence[str],
    *,
    online: Sequence[str],
    sql: bool,
    no_input: bool,
) -> None:
    """Write the migrations that lead from the database to the schemas."""
    ask = None if no_input or output.as_json else _ask
    found = asyncio.run(diff(where.url, where.base, where.folders, renames=renames, ask=ask, online=online))
    files: list[Path] = []
    texts: dict[str, str] = {}
    if sql:
        for label, text in sql_of(found, name):
            output.line(f"-- {label}\n{text}")
            texts[label] = text
    else:
        files = write(found, where.folders, name, now=datetime.now(UTC))
        if files:
            write_lock_file(where.folders[0])
    for path in files:
        output.line(f"wrote {path}", mark="✔")
    if not found.difference.steps:
        output.line("nothing to write: the database holds what the schemas declare")
    losses = lost(found)
    for loss in losses:
        output.line(f"it loses {loss}: look at it before you apply it")
    tell_unmanaged(output, found)
    output.document(
        {
            "files": [str(path) for path in files],
            "sql": texts,
            "loses": losses,
            "unmanaged": [asdict(one) for one in found.difference.unmanaged],
        }
    )


def lost(found: Found) -> list[str]:
    """Return what the commands lose for good."""
    return [step.loses for step in found.difference.steps if step.loses is not None]


def tell_unmanaged(output: Output, found: Found) -> None:
    """Print what is left alone."""
    if found.difference.unmanaged:
        output.line("unmanaged, and left as it is:")
        rows = [(one.kind, one.name, one.why) for one in found.difference.unmanaged]
        output.table(("What", "Name", "Why"), rows, ["yellow"] * len(rows))


def _ask(what: str, free: tuple[str, ...]) -> str | None:
    """Ask which of the new names something has; an empty answer says that it is gone."""
    while True:
        try:
            answer: str = typer.prompt(
                f"{what} is gone. Its new name ({', '.join(free)}; empty when it is really gone)",
                default="",
                show_default=False,
                err=True,
            )
        except typer.Abort as exc:
            raise RenameQuestionError(
                f"{what} is gone, and nobody answered whether it has another name",
                hint="say so with --rename, and run it with --no-input",
            ) from exc
        if not answer or answer in free:
            return answer or None

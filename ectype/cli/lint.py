"""`ectype lint`, and what `ectype migrate` asks of it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from ectype import migrations
from ectype.adapters.base import Adapter
from ectype.adapters.registry import adapter_for
from ectype.cli.failures import Exit, reported
from ectype.cli.git import changed_since
from ectype.cli.lint_formats import FORMATS, Formatted, summary
from ectype.cli.options import Allow, Folder, Place, Quiet
from ectype.cli.output import Output
from ectype.cli.settings import database_url, find_project, migrations_folders
from ectype.errors import ConfigError, EctypeError
from ectype.migrations.lint.checking import lint as lint_folder
from ectype.migrations.lint.checking import refuse_unknown_codes, without
from ectype.migrations.lint.findings import Finding
from ectype.migrations.lint.sizes import Sizes, sizes_of
from ectype.migrations.scripts import find
from ectype.sql.dialect import POSTGRES, SQLITE, Dialect

CONNECT_SECONDS: Final = 10.0
SCHEMAS_AT_ONCE: Final = 8
DIALECTS: Final = {"postgresql": POSTGRES, "sqlite": SQLITE}


def lint(
    *,
    since: Annotated[
        str | None, typer.Option(metavar="GIT_REF", help="Only what was added or changed since then, as origin/main.")
    ] = None,
    format: Annotated[  # noqa: A002  # the option's name
        Literal["text", "json", "sarif", "github"], typer.Option("--format", help="How to print what was found.")
    ] = "text",
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    allow: Allow = None,
    dialect: Annotated[
        Literal["postgresql", "sqlite"] | None,
        typer.Option(help="The database they are for; else that of the URL that is set, else postgresql."),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(metavar="URL", help="A database whose tables' sizes are looked at; without it none is asked."),
    ] = None,
    folder: Folder = None,
    quiet: Quiet = False,
) -> None:
    """Say what of the migrations loses data, locks tables or breaks the release that still runs. Exits with 4."""
    format = "json" if json else format  # noqa: A001  # the option's name
    output = Output(as_json=format != "text", quiet=quiet)
    with reported(output):
        project = find_project(Path.cwd())
        folders = migrations_folders(folder, project)
        adapter = None if database is None else adapter_for(database)
        chosen = DIALECTS[dialect] if dialect is not None else _dialect(adapter)
        only = None if since is None else {one for target in folders for one in _changed_since(target, since)}
        sizes = None if adapter is None else asyncio.run(_sizes(adapter, ()))
        found = asyncio.run(_found(folders, chosen, only, sizes))
        found = without(found, _codes(allow))
        FORMATS[format](Formatted(output, found, project.root))
    if any(finding.severity == "error" for finding in found):
        raise typer.Exit(Exit.LINT)


def refuse_errors(
    output: Output, where: Place, allow: list[str] | None, goal: migrations.Goal, *, schemas: Sequence[str] = ()
) -> None:
    """Look at what is pending, with the sizes of the tables, and end with 4 when it holds an error.

    A table that does not exist yet, or has no rows, is neither lost nor locked for long: that is no error here.

    Args:
        output: where to say so.
        where: the database and the folder.
        allow: the codes that do not count.
        goal: how far the run goes.
        schemas: those that the migrations run in; none for the one that the connection has anyway.

    Raises:
        MigrationError: a code to allow is none.
        ConnectError: the database cannot be reached.
    """
    codes = _codes(allow)
    if where.adapter.single:
        return
    found = without(asyncio.run(_pending(where, goal, schemas)), codes)
    errors = [finding for finding in found if finding.severity == "error"]
    if not errors:
        return
    if output.as_json:
        named = [{"code": one.code, "path": str(one.path), "line": one.line, "what": one.what} for one in errors]
        output.event("refused", {"lint": named, "exit_code": int(Exit.LINT)})
    else:
        said = Output(out=output.err, err=output.err)
        FORMATS["text"](Formatted(said, errors, Path.cwd()))
        allowed = ",".join(sorted({one.code for one in errors}))
        output.error(
            f"nothing was applied: {summary(errors)}",
            f"follow the recipe; or, when you know that it does no harm here: --allow {allowed}",
        )
    raise typer.Exit(Exit.LINT)


async def _pending(where: Place, goal: migrations.Goal, schemas: Sequence[str]) -> list[Finding]:
    free = asyncio.Semaphore(SCHEMAS_AT_ONCE)

    async def left(schema: str | None) -> list[int]:
        async with free:
            states = await migrations.status(where, where.folders, prefix=schema)
        return [one.version for one in states if one.state == "pending" and goal.takes(one.version)][: goal.step]

    pending = {version for found in await asyncio.gather(*map(left, schemas or (None,))) for version in found}
    if not pending:
        return []
    sizes = await _sizes(where.adapter, schemas)
    try:
        return await _found(where.folders, where.adapter.dialect, pending, sizes)
    except EctypeError:
        # What cannot be read is refused by the run itself, which says it with its place.
        return []


async def _found(
    folders: Sequence[Path], dialect: Dialect, only: Collection[int] | None, sizes: Sizes | None
) -> list[Finding]:
    rows, schema = (None, None) if sizes is None else (sizes.rows, sizes.schema)
    return await lint_folder(folders, dialect=dialect, only=only, sizes=rows, schema=schema)


async def _sizes(adapter: Adapter, schemas: Sequence[str]) -> Sizes:
    connection = await adapter.connect(CONNECT_SECONDS)
    try:
        return await sizes_of(connection, adapter.dialect, schemas)
    finally:
        await connection.close()


def _dialect(adapter: Adapter | None) -> Dialect:
    if adapter is None:
        with suppress(ConfigError):
            adapter = adapter_for(database_url(None, find_project(Path.cwd())))
    return POSTGRES if adapter is None else adapter.dialect


def _codes(allow: list[str] | None) -> Collection[str]:
    codes = [code.strip().upper() for text in allow or () for code in text.split(",") if code.strip()]
    refuse_unknown_codes(codes)
    return codes


def _changed_since(folder: Path, ref: str) -> set[int]:
    if not folder.is_dir():
        return set()
    changed = changed_since(folder, ref)
    return {script.version for script in find(folder) if script.path.relative_to(folder).as_posix() in changed}

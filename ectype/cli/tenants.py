"""`ectype tenants list`, `migrate` and `status`: the same migrations in many PostgreSQL schemas."""

import asyncio
from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from ectype import migrations
from ectype.cli.failures import Exit, exit_code, reported
from ectype.cli.lint import Allow, refuse_errors
from ectype.cli.options import Database, Folder, Json, LockTimeout, LockWait, Parallel, Place, Quiet, place
from ectype.cli.output import Output
from ectype.migrations import MigrationStatus, TenantOutcome

app = typer.Typer(no_args_is_help=True)

Glob = Annotated[str, typer.Argument(help="Which schemas, as tenant_*.", metavar="GLOB")]


@app.command("list")
def list_(glob: Glob = "*", *, database: Database = None, quiet: Quiet = False, json: Json = False) -> None:
    """Show the schemas that a pattern fits."""
    output = Output(as_json=json, quiet=quiet)
    with reported(output):
        found = asyncio.run(migrations.tenants(place(database, None), glob))
        for name in found:
            output.line(name)
        output.document({"tenants": found})


@app.command()
def migrate(
    glob: Glob,
    *,
    parallel: Parallel = 8,
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="Begin no other schema after one failed.")] = False,
    database: Database = None,
    folder: Folder = None,
    lock_wait: LockWait = 60.0,
    lock_timeout: LockTimeout = 2.0,
    allow: Allow = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Apply the pending migrations in every schema that fits. A failure in one leaves the others alone."""
    output = Output(as_json=json, quiet=quiet)
    with reported(output):
        where = place(database, folder)
        options = Options(parallel=parallel, fail_fast=fail_fast, lock_wait=lock_wait, lock_timeout=lock_timeout)
        migrate_all(output, where, glob, migrations.Goal("up"), options, allow)


@dataclass(frozen=True, slots=True)
class Options:
    """How migrations run in many schemas; see `migrations.migrate_tenants`."""

    parallel: int = 8
    fail_fast: bool = False
    strict_order: bool = False
    fake: bool = False
    lock_wait: float = 60.0
    lock_timeout: float = 2.0


def migrate_all(
    output: Output, where: Place, glob: str, goal: migrations.Goal, options: Options, allow: list[str] | None
) -> None:
    """Apply what is pending in every schema that fits, and say so of each; end with the gravest failure's code."""

    def told(outcome: TenantOutcome[list[int]]) -> None:
        if outcome.error is not None:
            output.failure(f"{outcome.tenant}: {outcome.error.message}")
        elif outcome.value is not None:
            output.line(f"{outcome.tenant}: {len(outcome.value)} applied", mark="✔")

    if not options.fake:
        refuse_errors(output, where, allow, goal, schemas=asyncio.run(migrations.tenants(where, glob)))
    outcomes = asyncio.run(
        migrations.migrate_tenants(where, glob, where.folder, goal=goal, told=told, **asdict(options))
    )
    failed = [one for one in outcomes if one.error is not None]
    skipped = [one for one in outcomes if one.skipped]
    text = f"{len(outcomes) - len(failed) - len(skipped)} schemas are up to date"
    text += f", {len(failed)} failed" if failed else ""
    output.line(f"{text}, {len(skipped)} not begun" if skipped else text)
    output.document({"tenants": [_document(one) for one in outcomes]})
    if failed:
        # What needs a decision weighs most.
        raise typer.Exit(max(exit_code(one.error) for one in failed if one.error is not None))


@app.command()
def status(
    glob: Glob,
    *,
    parallel: Parallel = 8,
    check: Annotated[bool, typer.Option("--check", help="Exit with 3 when a schema is not up to date.")] = False,
    database: Database = None,
    folder: Folder = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Show how many migrations each schema has, and how many are pending there."""
    output = Output(as_json=json, quiet=quiet)
    with reported(output):
        where = place(database, folder)
        outcomes = asyncio.run(migrations.tenants_status(where, glob, where.folder, parallel=parallel))
        rows = [(one.tenant, *_counts(one.value), _last(one.value)) for one in outcomes]
        styles = ["" if row[2] == row[3] == "0" else "yellow" for row in rows]
        output.table(("Schema", "Up", "Partial", "Pending", "Last"), rows, styles)
        output.document({"tenants": [_counted(one) for one in outcomes]})
        for one in outcomes:
            if one.error is not None:
                raise one.error
    if check and any(row[2] != "0" or row[3] != "0" for row in rows):
        raise typer.Exit(Exit.PENDING)


def _counts(found: list[MigrationStatus] | None) -> tuple[str, str, str]:
    states = [one.state for one in found or ()]
    return str(states.count("up")), str(states.count("partial")), str(states.count("pending"))


def _last(found: list[MigrationStatus] | None) -> str:
    there = [one.version for one in found or () if one.state == "up"]
    return str(max(there)) if there else ""


def _document(one: TenantOutcome[list[int]]) -> dict[str, object]:
    error = None if one.error is None else {"type": type(one.error).__name__, "message": one.error.message}
    return {"tenant": one.tenant, "applied": one.value, "error": error, "skipped": one.skipped}


def _counted(one: TenantOutcome[list[MigrationStatus]]) -> dict[str, object]:
    up, partial, pending = (int(count) for count in _counts(one.value))
    return {"tenant": one.tenant, "up": up, "partial": partial, "pending": pending}

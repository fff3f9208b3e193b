"""`ectype tenants list`, `migrate` and `status`: the same migrations in many PostgreSQL schemas."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from ectype import migrations
from ectype.cli.failures import Exit, exit_code, reported
from ectype.cli.grouped import grouped
from ectype.cli.lint import refuse_errors
from ectype.cli.options import Database, Folder, Forward, Json, Parallel, Place, Quiet, Run, place
from ectype.cli.output import Output
from ectype.cli.telling import logged
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
@grouped
def migrate(glob: Glob, *, run: Run, forward: Forward) -> None:
    """Apply the pending migrations in every schema that fits. A failure in one leaves the others alone."""
    output = Output(as_json=run.json, quiet=run.quiet)
    with reported(output):
        goal = migrations.Goal("up", run.step, run.to, run.to_exclusive, run.all)
        migrate_all(output, place(run.database, run.folder), glob, goal, run, forward)


def migrate_all(output: Output, where: Place, glob: str, goal: migrations.Goal, run: Run, forward: Forward) -> None:
    """Apply what is pending in every schema that fits, and say so of each; end with the gravest failure's code."""

    def told(outcome: TenantOutcome[list[int]]) -> None:
        if outcome.error is not None:
            output.failure(f"{outcome.tenant}: {outcome.error.message}")
        elif outcome.value is not None:
            output.line(f"{outcome.tenant}: {len(outcome.value)} applied", mark="✔")
        output.event("tenant", _document(outcome))

    if not run.fake:
        refuse_errors(output, where, forward.allow, goal, schemas=asyncio.run(migrations.tenants(where, glob)))
    with logged(output, log_sql=run.log_migrations_sql, log_migrator=run.log_migrator_sql):
        outcomes = asyncio.run(
            migrations.migrate_tenants(
                where,
                glob,
                where.folders,
                goal=goal,
                told=told,
                parallel=forward.parallel,
                fail_fast=forward.fail_fast,
                strict_order=forward.strict_order,
                **run.limits(),
            )
        )
    failed = [one for one in outcomes if one.error is not None]
    skipped = [one for one in outcomes if one.skipped]
    text = f"{len(outcomes) - len(failed) - len(skipped)} schemas are up to date"
    text += f", {len(failed)} failed" if failed else ""
    output.line(f"{text}, {len(skipped)} not begun" if skipped else text)
    output.event("done", {"tenants": [_document(one) for one in outcomes]})
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
        outcomes = asyncio.run(migrations.tenants_status(where, glob, where.folders, parallel=parallel))
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

"""`ectype migrate` and `ectype rollback`."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Annotated

import typer

from ectype import migrations
from ectype.cli.failures import reported
from ectype.cli.grouped import grouped
from ectype.cli.lint import refuse_errors
from ectype.cli.options import Forward, Place, Plan, Prefix, Run, Sql, place
from ectype.cli.output import Output, short_hash
from ectype.cli.plan import show_plan, write_sql
from ectype.cli.telling import told
from ectype.cli.tenants import migrate_all
from ectype.errors import ConfigError, EctypeError


@grouped
def migrate(
    *,
    run: Run,
    forward: Forward,
    plan: Plan = False,
    sql: Sql = None,
    prefix: Prefix = None,
    tenants: Annotated[
        str | None, typer.Option(metavar="GLOB", help="Run in each PostgreSQL schema that fits, as tenant_*.")
    ] = None,
) -> None:
    """Apply the pending migrations: all of them, unless --step or --to says how far."""
    output = Output(as_json=run.json, quiet=run.quiet)
    with reported(output):
        where = place(run.database, run.folder)
        goal = migrations.Goal("up", run.step, run.to, run.to_exclusive, run.all)
        if tenants is not None:
            _refuse_with_tenants({"prefix": prefix, "plan": plan, "sql": sql})
            migrate_all(output, where, tenants, goal, run, forward)
            return
        if forward.fail_fast:
            raise ConfigError("`--fail-fast` belongs to --tenants", hint="add --tenants GLOB, or drop --fail-fast")
        strict = forward.strict_order
        if plan or sql is not None:
            found = asyncio.run(migrations.plan_run(where, where.folders, goal, prefix=prefix, strict_order=strict))
            show_plan(output, found) if sql is None else write_sql(output, found, sql, prefix)
            return
        if not run.fake:
            refuse_errors(output, where, forward.allow, goal, schemas=() if prefix is None else (prefix,))
        work = migrations.migrate(where, where.folders, prefix=prefix, strict_order=strict, **run.far(), **run.limits())
        words = ("applied", "nothing to migrate: everything is applied")
        _run(work, output, where, run, prefix=prefix, words=words)
        for one in where.folders:
            migrations.write_lock_file(one, only_if_there=True)


@grouped
def rollback(*, run: Run, plan: Plan = False, sql: Sql = None, prefix: Prefix = None) -> None:
    """Roll back the last migration, or as far as --step, --to or --all says."""
    output = Output(as_json=run.json, quiet=run.quiet)
    with reported(output):
        where = place(run.database, run.folder)
        goal = migrations.Goal("down", run.step, run.to, run.to_exclusive, run.all)
        if plan or sql is not None:
            found = asyncio.run(migrations.plan_run(where, where.folders, goal, prefix=prefix))
            show_plan(output, found) if sql is None else write_sql(output, found, sql, prefix)
            return
        work = migrations.rollback(where, where.folders, prefix=prefix, **run.far(), **run.limits())
        words = ("rolled back", "nothing to roll back")
        _run(work, output, where, run, prefix=prefix, words=words)


def _refuse_with_tenants(options: Mapping[str, object]) -> None:
    for name, value in options.items():
        if value:
            raise ConfigError(
                f"`--tenants` and `--{name}` were both given",
                hint="take one schema with --prefix, and look at that",
            )


def _run(
    work: Coroutine[object, object, list[int]],
    output: Output,
    where: Place,
    run: Run,
    *,
    prefix: str | None,
    words: tuple[str, str],
) -> None:
    done, nothing = words
    with told(output, done, log_sql=run.log_migrations_sql, log_migrator=run.log_migrator_sql) as finished:
        versions = asyncio.run(work)
    events = {event.version for event in finished}
    written = [version for version in versions if version not in events]
    for version in written:
        output.line(f"{done} {version} in the journal only", mark="✔")
    made = asyncio.run(_schema(where, prefix)) if finished else None
    known = "" if made is None else f" · schema sha256 {short_hash(made)}"
    output.line(f"{len(versions)} {done}{known} · lock released" if versions else nothing)
    documents = [_document(event) for event in finished]
    documents += [{"version": version, "fake": True} for version in written]
    schema = {} if made is None else {"schema_sha256": made}
    output.event("done", {done.replace(" ", "_"): documents, **schema})


async def _schema(where: Place, prefix: str | None) -> str | None:
    try:
        return await migrations.schema_hash(where, prefix=prefix)
    except EctypeError:
        # The migrations are committed, and their end must not be told as a failure.
        return None


def _document(event: migrations.MigrationFinished) -> dict[str, object]:
    notes = {"notes": list(event.notes)} if event.notes else {}
    return {"version": event.version, "name": event.name, "duration_ms": event.duration_ms, **notes}

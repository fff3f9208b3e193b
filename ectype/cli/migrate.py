"""`ectype migrate` and `ectype rollback`."""

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Annotated

import typer

from ectype import migrations
from ectype.cli.failures import reported
from ectype.cli.lint import Allow, refuse_errors
from ectype.cli.options import (
    All,
    Database,
    Fake,
    Folder,
    Json,
    LockTimeout,
    LockWait,
    LogSql,
    Parallel,
    Place,
    Plan,
    Prefix,
    Quiet,
    Sql,
    Step,
    To,
    ToExclusive,
    place,
)
from ectype.cli.output import Output, short_hash
from ectype.cli.plan import show_plan, write_sql
from ectype.cli.telling import told
from ectype.cli.tenants import Options, migrate_all
from ectype.errors import ConfigError, EctypeError


def migrate(
    *,
    step: Step = None,
    to: To = None,
    to_exclusive: ToExclusive = None,
    all: All = False,  # noqa: A002  # the option's name
    plan: Plan = False,
    sql: Sql = None,
    fake: Fake = False,
    strict_order: Annotated[
        bool, typer.Option("--strict-order", help="Refuse a pending migration that is older than an applied one.")
    ] = False,
    prefix: Prefix = None,
    tenants: Annotated[
        str | None, typer.Option(metavar="GLOB", help="Run in each PostgreSQL schema that fits, as tenant_*.")
    ] = None,
    parallel: Parallel = 8,
    database: Database = None,
    folder: Folder = None,
    lock_wait: LockWait = 60.0,
    lock_timeout: LockTimeout = 2.0,
    allow: Allow = None,
    log_sql: LogSql = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Apply the pending migrations: all of them, unless --step or --to says how far."""
    output = Output(as_json=json, quiet=quiet)
    with reported(output):
        where = place(database, folder)
        goal = migrations.Goal("up", step=step, to=to, to_exclusive=to_exclusive, everything=all)
        if tenants is not None:
            _refuse_with_tenants({"prefix": prefix, "plan": plan, "sql": sql, "log-migrations-sql": log_sql})
            options = Options(
                parallel=parallel,
                strict_order=strict_order,
                fake=fake,
                lock_wait=lock_wait,
                lock_timeout=lock_timeout,
            )
            migrate_all(output, where, tenants, goal, options, allow)
            return
        if plan or sql is not None:
            found = asyncio.run(
                migrations.plan_run(where, where.folder, goal, prefix=prefix, strict_order=strict_order)
            )
            show_plan(output, found) if sql is None else write_sql(output, found, sql, prefix)
            return
        if not fake:
            refuse_errors(output, where, allow, goal, schemas=() if prefix is None else (prefix,))
        work = migrations.migrate(
            where,
            where.folder,
            step=step,
            to=to,
            to_exclusive=to_exclusive,
            all=all,
            prefix=prefix,
            strict_order=strict_order,
            fake=fake,
            lock_wait=lock_wait,
            lock_timeout=lock_timeout,
        )
        words = ("applied", "nothing to migrate: everything is applied")
        _run(work, output, where, prefix=prefix, words=words, log_sql=log_sql)
        migrations.write_lock_file(where.folder, only_if_there=True)


def rollback(
    *,
    step: Step = None,
    to: To = None,
    to_exclusive: ToExclusive = None,
    all: All = False,  # noqa: A002  # the option's name
    plan: Plan = False,
    sql: Sql = None,
    fake: Fake = False,
    prefix: Prefix = None,
    database: Database = None,
    folder: Folder = None,
    lock_wait: LockWait = 60.0,
    lock_timeout: LockTimeout = 2.0,
    log_sql: LogSql = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Roll back the last migration, or as far as --step, --to or --all says."""
    output = Output(as_json=json, quiet=quiet)
    with reported(output):
        where = place(database, folder)
        goal = migrations.Goal("down", step=step, to=to, to_exclusive=to_exclusive, everything=all)
        if plan or sql is not None:
            found = asyncio.run(migrations.plan_run(where, where.folder, goal, prefix=prefix))
            show_plan(output, found) if sql is None else write_sql(output, found, sql, prefix)
            return
        work = migrations.rollback(
            where,
            where.folder,
            step=step,
            to=to,
            to_exclusive=to_exclusive,
            all=all,
            prefix=prefix,
            fake=fake,
            lock_wait=lock_wait,
            lock_timeout=lock_timeout,
        )
        words = ("rolled back", "nothing to roll back")
        _run(work, output, where, prefix=prefix, words=words, log_sql=log_sql)


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
    *,
    prefix: str | None,
    words: tuple[str, str],
    log_sql: bool,
) -> None:
    done, nothing = words
    with told(output, done, log_sql=log_sql) as finished:
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
    output.document({done.replace(" ", "_"): documents, **schema})


async def _schema(where: Place, prefix: str | None) -> str | None:
    try:
        return await migrations.schema_hash(where, prefix=prefix)
    except EctypeError:
        # The migrations are committed, and their end must not be told as a failure.
        return None


def _document(event: migrations.MigrationFinished) -> dict[str, object]:
    notes = {"notes": list(event.notes)} if event.notes else {}
    return {"version": event.version, "name": event.name, "duration_ms": event.duration_ms, **notes}

"""`ectype migrate` and `ectype rollback`."""

import asyncio
from collections.abc import Coroutine, Generator
from contextlib import contextmanager
from typing import Annotated

import typer

from ectype import migrations, telemetry
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
    Plan,
    Prefix,
    Quiet,
    Sql,
    Step,
    To,
    ToExclusive,
    place,
)
from ectype.cli.output import Output
from ectype.cli.plan import show_plan, write_sql
from ectype.migrations.events import FINISHED, STEPPED, WAITING


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
    database: Database = None,
    folder: Folder = None,
    lock_wait: LockWait = 60.0,
    lock_timeout: LockTimeout = 2.0,
    allow: Allow = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Apply the pending migrations: all of them, unless --step or --to says how far."""
    output = Output(as_json=json, quiet=quiet)
    with reported(output):
        where = place(database, folder)
        goal = migrations.Goal("up", step=step, to=to, to_exclusive=to_exclusive, everything=all)
        if plan or sql is not None:
            found = asyncio.run(
                migrations.plan_run(where, where.folder, goal, prefix=prefix, strict_order=strict_order)
            )
            show_plan(output, found) if sql is None else write_sql(output, found, sql, prefix)
            return
        if not fake:
            refuse_errors(
                output, where, allow, step=step, to=to if to_exclusive is None else to_exclusive - 1, prefix=prefix
            )
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
        _run(work, output, done="applied", nothing="nothing to migrate: everything is applied")
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
        _run(work, output, done="rolled back", nothing="nothing to roll back")


def _run(work: Coroutine[object, object, list[int]], output: Output, *, done: str, nothing: str) -> None:
    with _told(output, done) as finished:
        versions = asyncio.run(work)
    told = {event.version for event in finished}
    written = [version for version in versions if version not in told]
    for version in written:
        output.line(f"{done} {version} in the journal only", mark="✔")
    output.line(f"{len(versions)} {done}" if versions else nothing)
    documents = [_document(event) for event in finished]
    documents += [{"version": version, "fake": True} for version in written]
    output.document({done.replace(" ", "_"): documents})


@contextmanager
def _told(output: Output, done: str) -> Generator[list[migrations.MigrationFinished]]:
    finished: list[migrations.MigrationFinished] = []

    def on_finished(event: migrations.MigrationFinished) -> None:
        finished.append(event)
        notes = "".join(f", {note}" for note in event.notes)
        output.line(f"{done} {event.version} {event.name} ({event.duration_ms} ms{notes})", mark="✔")

    def on_step(event: migrations.StepFinished) -> None:
        output.progress(f"{event.version} {event.name}: step {event.step}/{event.steps} is done")

    def on_waiting(event: migrations.LockAwaited) -> None:
        output.progress(f"waiting for another run to end … {event.holder or ''}".rstrip())

    with (
        telemetry.attach(FINISHED, on_finished),
        telemetry.attach(STEPPED, on_step),
        telemetry.attach(WAITING, on_waiting),
    ):
        yield finished


def _document(event: migrations.MigrationFinished) -> dict[str, object]:
    notes = {"notes": list(event.notes)} if event.notes else {}
    return {"version": event.version, "name": event.name, "duration_ms": event.duration_ms, **notes}

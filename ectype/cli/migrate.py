"""`ectype migrate` and `ectype rollback`."""

import asyncio
from collections.abc import Coroutine, Generator
from contextlib import contextmanager

from ectype import migrations, telemetry
from ectype.cli.failures import reported
from ectype.cli.lint import Allow, refuse_errors
from ectype.cli.options import All, Database, Folder, Json, LockTimeout, LockWait, Quiet, Step, To, place
from ectype.cli.output import Output
from ectype.migrations.events import FINISHED, WAITING


def migrate(
    *,
    step: Step = None,
    to: To = None,
    all: All = False,  # noqa: A002  # the option's name
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
        refuse_errors(output, where, allow, step=step, to=to)
        work = migrations.migrate(
            where, where.folder, step=step, to=to, all=all, lock_wait=lock_wait, lock_timeout=lock_timeout
        )
        _run(work, output, done="applied", nothing="nothing to migrate: everything is applied")


def rollback(
    *,
    step: Step = None,
    to: To = None,
    all: All = False,  # noqa: A002  # the option's name
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
        work = migrations.rollback(
            where, where.folder, step=step, to=to, all=all, lock_wait=lock_wait, lock_timeout=lock_timeout
        )
        _run(work, output, done="rolled back", nothing="nothing to roll back")


def _run(work: Coroutine[object, object, list[int]], output: Output, *, done: str, nothing: str) -> None:
    with _told(output, done) as finished:
        versions = asyncio.run(work)
    output.line(f"{len(versions)} {done}" if versions else nothing)
    output.document({done.replace(" ", "_"): [_document(event) for event in finished]})


@contextmanager
def _told(output: Output, done: str) -> Generator[list[migrations.MigrationFinished]]:
    finished: list[migrations.MigrationFinished] = []

    def on_finished(event: migrations.MigrationFinished) -> None:
        finished.append(event)
        output.line(f"{done} {event.version} {event.name} ({event.duration_ms} ms)", mark="✔")

    def on_waiting(event: migrations.LockAwaited) -> None:
        output.progress(f"waiting for another run to end … {event.holder or ''}".rstrip())

    with telemetry.attach(FINISHED, on_finished), telemetry.attach(WAITING, on_waiting):
        yield finished


def _document(event: migrations.MigrationFinished) -> dict[str, object]:
    return {"version": event.version, "name": event.name, "duration_ms": event.duration_ms}

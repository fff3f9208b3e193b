"""`ectype backfill`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ectype import migrations, telemetry
from ectype.cli.failures import reported
from ectype.cli.options import Database, Events, Folder, LockTimeout, LockWait, MaxLag, Pause, Prefix, Quiet, place
from ectype.cli.output import Output
from ectype.errors import ConfigError
from ectype.migrations import BatchFinished
from ectype.migrations.events import BATCHED

TELL_SECONDS: Final = 2.0


def backfill(
    name: Annotated[str, typer.Argument(help="The file backfills/NAME.py in the folder of migrations.")],
    *,
    batch: Annotated[int | None, typer.Option(min=1, metavar="ROWS", help="How many rows at a time.")] = None,
    pause: Pause = 0.0,
    max_lag: MaxLag = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on after an interruption, which is the default.")
    ] = False,
    restart: Annotated[bool, typer.Option("--restart", help="Begin at the first row again.")] = False,
    database: Database = None,
    folder: Folder = None,
    prefix: Prefix = None,
    lock_wait: LockWait = 60.0,
    lock_timeout: LockTimeout = 2.0,
    quiet: Quiet = False,
    json: Events = False,
) -> None:
    """Change the rows of a table batch by batch, each committed; an interrupted backfill goes on where it ended."""
    output = Output(as_json=json, quiet=quiet)
    with reported(output):
        if resume and restart:
            raise ConfigError("`--resume` and `--restart` were both given", hint="give one of them, or none")
        where = place(database, folder)
        with _told(output):
            result = asyncio.run(
                migrations.backfill(
                    where,
                    name,
                    where.folders,
                    batch=batch,
                    pause=pause,
                    max_lag=max_lag,
                    restart=restart,
                    prefix=prefix,
                    lock_wait=lock_wait,
                    lock_timeout=lock_timeout,
                )
            )
        batches = "1 batch" if result.batches == 1 else f"{result.batches} batches"
        output.line(f"{name}: {result.updated} of {result.rows} rows changed, {batches}", mark="✔")
        output.event("done", asdict(result))


@contextmanager
def _told(output: Output) -> Generator[None]:
    if output.as_json:
        with telemetry.attach(BATCHED, lambda event: output.event("batch", asdict(event))):
            yield
    elif output.quiet:
        yield
    elif output.err.is_terminal:
        with _bar(output):
            yield
    else:
        with _lines(output):
            yield


@contextmanager
def _bar(output: Output) -> Generator[None]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=output.err, transient=True) as progress:
        task = progress.add_task("backfill", total=None)

        def on_batch(event: BatchFinished) -> None:
            total = None if event.total is None else max(event.total, event.rows)
            progress.update(task, description=event.name, completed=event.rows, total=total)

        with telemetry.attach(BATCHED, on_batch):
            yield


@contextmanager
def _lines(output: Output) -> Generator[None]:
    told_at = time.monotonic()

    def on_batch(event: BatchFinished) -> None:
        nonlocal told_at
        if time.monotonic() - told_at >= TELL_SECONDS:
            told_at = time.monotonic()
            of = "" if event.total is None else f" of about {max(event.total, event.rows)}"
            output.progress(f"{event.name}: {event.rows}{of} rows, {event.updated} changed")

    with telemetry.attach(BATCHED, on_batch):
        yield

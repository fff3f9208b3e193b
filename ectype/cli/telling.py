"""What a run of migrations tells while it works: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict

from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from ectype import telemetry
from ectype.cli.output import Output
from ectype.migrations import (
    LockAwaited,
    MigrationFinished,
    MigrationStarted,
    MigratorStatement,
    NoticeRaised,
    StatementRan,
    StepFinished,
)
from ectype.migrations.events import FINISHED, NOTICED, RAN, SENT, STARTED, STEPPED, WAITING


@contextmanager
def told(
    output: Output, done: str, *, log_sql: bool = False, log_migrator: bool = False
) -> Generator[list[MigrationFinished]]:
    """Tell what the block's run does, and gather what it finished.

    Args:
        output: where to.
        done: what becomes of a migration, as `applied`.
        log_sql: whether each statement of a migration is told too, with the time that it took.
        log_migrator: whether each statement of the run itself is.
    """
    finished: list[MigrationFinished] = []

    def on_started(event: MigrationStarted) -> None:
        output.event("started", asdict(event))

    def on_finished(event: MigrationFinished) -> None:
        finished.append(event)
        notes = "".join(f", {note}" for note in event.notes)
        output.line(f"{done} {event.version} {event.name} ({event.duration_ms} ms{notes})", mark="✔")
        output.event("finished", asdict(event))

    def on_waiting(event: LockAwaited) -> None:
        output.progress(f"waiting for another run to end … {event.holder or ''}".rstrip())
        output.event("waiting", asdict(event))

    def on_step(event: StepFinished) -> None:
        output.event("step", asdict(event))

    with ExitStack() as attached:
        bars = output.is_rich and output.err.is_terminal and not output.quiet and not output.as_json
        attached.enter_context(_bar(output) if bars else _lines(output))
        attached.enter_context(telemetry.attach(STARTED, on_started))
        attached.enter_context(telemetry.attach(FINISHED, on_finished))
        attached.enter_context(telemetry.attach(STEPPED, on_step))
        attached.enter_context(telemetry.attach(WAITING, on_waiting))
        attached.enter_context(logged(output, log_sql=log_sql, log_migrator=log_migrator))
        yield finished


@contextmanager
def logged(output: Output, *, log_sql: bool = False, log_migrator: bool = False) -> Generator[None]:
    """Tell what PostgreSQL says while migrations run; the statements too, where that is asked for."""

    def on_notice(event: NoticeRaised) -> None:
        more = "".join(f"\n    {text}" for text in (event.detail, event.hint) if text)
        output.progress(f"{event.version} {event.name}: {event.severity.lower()}: {event.message}{more}")
        output.event("notice", asdict(event))

    def on_ran(event: StatementRan) -> None:
        output.progress(f"{event.version} {event.name}, {event.duration_ms} ms:\n{event.sql}")
        output.event("statement", asdict(event))

    def on_query(event: telemetry.QueryEvent) -> None:
        duration = round((event.query_time or 0) * 1000)
        output.progress(f"m.repo, {duration} ms:\n{event.sql}")
        output.event("query", {"sql": event.sql, "duration_ms": duration})

    def on_sent(event: MigratorStatement) -> None:
        output.progress(f"migrator, {event.duration_ms} ms:\n{event.sql}")
        output.event("migrator", asdict(event))

    with ExitStack() as attached:
        attached.enter_context(telemetry.attach(NOTICED, on_notice))
        if log_sql:
            attached.enter_context(telemetry.attach(RAN, on_ran))
            attached.enter_context(telemetry.attach(telemetry.QUERY, on_query))
        if log_migrator:
            attached.enter_context(telemetry.attach(SENT, on_sent))
        yield


@contextmanager
def _lines(output: Output) -> Generator[None]:
    def on_step(event: StepFinished) -> None:
        output.progress(f"{event.version} {event.name}: step {event.step}/{event.steps} is done")

    with telemetry.attach(STEPPED, on_step):
        yield


@contextmanager
def _bar(output: Output) -> Generator[None]:
    """Show the migration that runs, with how many of its statements have run, until it has ended."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    with Progress(*columns, console=output.out, transient=True) as progress:
        running: list[TaskID] = []

        def on_started(event: MigrationStarted) -> None:
            on_finished()
            name = f"{event.version} {event.name}"
            running.append(progress.add_task(name, total=event.statements, completed=event.done))

        def on_ran(event: StatementRan) -> None:
            for task in running:
                progress.update(task, completed=event.number)

        def on_finished(event: MigrationFinished | None = None) -> None:  # noqa: ARG001  # any end takes the bar away
            while running:
                progress.remove_task(running.pop())

        on: tuple[tuple[str, Callable[..., None]], ...] = (
            (STARTED, on_started),
            (RAN, on_ran),
            (FINISHED, on_finished),
        )
        with ExitStack() as attached:
            for event, handler in on:
                attached.enter_context(telemetry.attach(event, handler))
            yield

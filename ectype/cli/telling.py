"""What a run of migrations tells while it works: a bar on a terminal, lines elsewhere."""

from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager

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
from ectype.migrations import LockAwaited, MigrationFinished, MigrationStarted, StatementRan, StepFinished
from ectype.migrations.events import FINISHED, RAN, STARTED, STEPPED, WAITING


@contextmanager
def told(output: Output, done: str, *, log_sql: bool = False) -> Generator[list[MigrationFinished]]:
    """Tell what the block's run does, and gather what it finished.

    Args:
        output: where to.
        done: what becomes of a migration, as `applied`.
        log_sql: whether each statement is told too, with the time that it took.
    """
    finished: list[MigrationFinished] = []

    def on_finished(event: MigrationFinished) -> None:
        finished.append(event)
        notes = "".join(f", {note}" for note in event.notes)
        output.line(f"{done} {event.version} {event.name} ({event.duration_ms} ms{notes})", mark="✔")

    def on_waiting(event: LockAwaited) -> None:
        output.progress(f"waiting for another run to end … {event.holder or ''}".rstrip())

    def on_ran(event: StatementRan) -> None:
        output.progress(f"{event.version} {event.name}, {event.duration_ms} ms:\n{event.sql}")

    def on_query(event: telemetry.QueryEvent) -> None:
        output.progress(f"m.repo, {round((event.query_time or 0) * 1000)} ms:\n{event.sql}")

    with ExitStack() as attached:
        bars = output.is_rich and output.err.is_terminal and not output.quiet and not output.as_json
        attached.enter_context(_bar(output) if bars else _lines(output))
        attached.enter_context(telemetry.attach(FINISHED, on_finished))
        attached.enter_context(telemetry.attach(WAITING, on_waiting))
        if log_sql:
            attached.enter_context(telemetry.attach(RAN, on_ran))
            attached.enter_context(telemetry.attach(telemetry.QUERY, on_query))
        yield finished


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

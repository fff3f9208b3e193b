"""Spans of OpenTelemetry for the statements of repos, by its stable conventions for databases.

    from ectype.opentelemetry import instrument

    instrument()

Needs `pip install 'ectype[otel]'`. Names and meanings: https://opentelemetry.io/docs/specs/semconv/database/.
"""

from __future__ import annotations

from collections.abc import Mapping
from time import time_ns
from typing import Final, final

try:
    from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer, TracerProvider, get_tracer
except ImportError as exc:
    raise ImportError("`ectype.opentelemetry` needs OpenTelemetry's API: `pip install 'ectype[otel]'`") from exc

from ectype.repo.repo import Repo
from ectype.telemetry import QUERY, Attachment, QueryEvent, attach

_NANOSECONDS: Final = 1_000_000_000
_TRANSACTION: Final = frozenset(
    ["BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO SAVEPOINT"]
)
SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.33.0"

Attributes = Mapping[str, str | int | float]


def instrument(
    repo: Repo | None = None,
    *,
    event: str = QUERY,
    tracer_provider: TracerProvider | None = None,
    parameters: bool = False,
    transactions: bool = True,
) -> Attachment:
    """Make a span of every statement, below the span that is current in its task.

    Args:
        repo: whose statements; those of all repos when it is left out.
        event: the event that is listened to, for calls with `event=`.
        tracer_provider: where spans go; OpenTelemetry's global one when it is left out.
        parameters: whether spans carry parameters, masked as in events.
        transactions: whether BEGIN, COMMIT and what concerns savepoints get spans.

    Returns:
        What `.detach()` or the end of a `with` block undoes.

    Example:
        with instrument(repo):
            await repo.all(Post)
    """
    tracer = get_tracer("ectype", tracer_provider=tracer_provider, schema_url=SCHEMA_URL)
    return attach(event, _Spans(tracer, repo, parameters=parameters, transactions=transactions))


@final
class _Spans:
    """The handler that makes spans."""

    def __init__(self, tracer: Tracer, repo: Repo | None, *, parameters: bool, transactions: bool) -> None:
        self._tracer = tracer
        self._database = None if repo is None else repo.adapter.database
        self._parameters = parameters
        self._transactions = transactions

    def __call__(self, event: QueryEvent) -> None:
        if self._database is not None and event.database is not self._database:
            return
        if not self._transactions and event.operation in _TRANSACTION:
            return
        # The statement has ended: its span is made with the times that it had.
        end = time_ns()
        attributes = dict(_attributes(event))
        if self._parameters:
            attributes.update({f"db.query.parameter.{index}": str(one) for index, one in enumerate(event.params)})
        span = self._tracer.start_span(
            _name(event),
            kind=SpanKind.CLIENT,
            attributes=attributes,
            start_time=end - round(event.total_time * _NANOSECONDS),
        )
        if event.error is not None:
            span.set_status(Status(StatusCode.ERROR, event.error.__class__.__name__))
        span.end(end)


def _name(event: QueryEvent) -> str:
    return event.operation if event.source is None else f"{event.operation} {event.source}"


def _attributes(event: QueryEvent) -> Attributes:
    database = event.database
    found: dict[str, str | int | float | None] = {
        "db.system.name": database.system,
        "db.namespace": database.name if event.prefix is None else f"{database.name}|{event.prefix}",
        "db.collection.name": event.source,
        "db.operation.name": event.operation,
        "db.query.summary": _name(event),
        "db.query.text": event.sql,
        "db.response.returned_rows": None if event.decode_time is None else event.rows,
        "server.address": database.host,
        "server.port": database.port,
        "ectype.repo": event.repo,
        "ectype.queue_time": event.queue_time,
        "ectype.decode_time": event.decode_time,
        "ectype.idle_time": event.idle_time,
    }
    if event.error is not None:
        state = getattr(event.error, "sqlstate", None)
        found["error.type"] = event.error.__class__.__name__ if state is None else str(state)
        found["db.response.status_code"] = None if state is None else str(state)
    if event.call_site is not None:
        path, _, line = event.call_site.rpartition(":")
        found["code.file.path"] = path
        found["code.line.number"] = int(line)
    return {name: value for name, value in found.items() if value is not None}

"""Spans of real OpenTelemetry: one a statement, below the current one, named by its conventions for databases."""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from ectype import ConstraintError, Repo, from_, telemetry
from ectype.opentelemetry import instrument
from tests.integration.repo.blog import Tag, User

SECRET = "s3cret-h4sh"


class Tracing:
    """A provider whose spans are kept in memory."""

    def __init__(self) -> None:
        self._kept = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self._kept))

    def spans(self) -> Sequence[ReadableSpan]:
        found = self._kept.get_finished_spans()
        self._kept.clear()
        return found


@pytest.fixture
def tracing() -> Iterator[Tracing]:
    made = Tracing()
    yield made
    made.provider.shutdown()


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


async def test_every_statement_is_a_span_with_the_names_of_the_conventions(repo: Repo, tracing: Tracing) -> None:
    await repo.insert_all(Tag, [{"name": "a", "color": "red"}])
    query = from_(Tag).where(Tag.color == "red")
    before = time.time_ns()
    with instrument(repo, tracer_provider=tracing.provider):
        await repo.all(query)
    after = time.time_ns()
    (span,) = tracing.spans()
    assert (span.name, span.kind, span.parent) == ("SELECT tags", SpanKind.CLIENT, None)
    assert span.start_time is not None
    assert span.end_time is not None
    # The clock of the wall and the clock of intervals may differ by a little.
    assert before - 50_000_000 <= span.start_time < span.end_time <= after
    assert span.status.status_code is StatusCode.UNSET
    found = attributes(span)
    database = repo.adapter.database
    expected = {
        "db.system.name": "postgresql" if repo.adapter.dialect.schemas else "sqlite",
        "db.namespace": database.name,
        "db.collection.name": "tags",
        "db.operation.name": "SELECT",
        "db.query.summary": "SELECT tags",
        "db.query.text": repo.to_sql(query)[0],
        "db.response.returned_rows": 1,
        "ectype.repo": "repo",
    }
    assert {name: found.get(name) for name in expected} == expected
    assert found.get("server.address") == database.host
    assert found.get("server.port") == database.port
    assert not [name for name in found if name.startswith(("error", "db.query.parameter"))]
    assert span.instrumentation_scope is not None
    assert span.instrumentation_scope.name == "ectype"


async def test_the_address_of_a_server_is_in_the_span(tracing: Tracing) -> None:
    # Port 1 answers nobody: what is told of the database is what the URL says.
    repo = Repo("postgresql://ada:hunter2@127.0.0.1:1/shop", timeout=1)
    with instrument(repo, tracer_provider=tracing.provider), pytest.raises(Exception, match="no connection"):
        await repo.query("select 1")
    await repo.close()
    (span,) = tracing.spans()
    found = attributes(span)
    assert (found["server.address"], found["server.port"], found["db.namespace"]) == ("127.0.0.1", 1, "shop")
    assert found["error.type"] == "ConnectError"
    assert "hunter2" not in span.to_json()


async def test_spans_stand_below_the_current_one(repo: Repo, tracing: Tracing) -> None:
    tracer = tracing.provider.get_tracer("app")
    with instrument(repo, tracer_provider=tracing.provider), tracer.start_as_current_span("request") as request:
        async with repo.transaction():
            await repo.all(Tag)
    *statements, last = tracing.spans()
    assert last.name == "request"
    assert [span.name for span in statements] == ["BEGIN", "SELECT tags", "COMMIT"]
    assert {span.parent and span.parent.span_id for span in statements} == {request.get_span_context().span_id}
    assert {span.context and span.context.trace_id for span in statements} == {request.get_span_context().trace_id}


async def test_what_begins_and_ends_transactions_may_be_left_out(repo: Repo, tracing: Tracing) -> None:
    with instrument(repo, tracer_provider=tracing.provider, transactions=False):
        async with repo.transaction():
            async with repo.transaction() as tx:
                await repo.all(Tag)
                tx.rollback()
            async with repo.transaction():
                pass
        async with repo.transaction() as tx:
            tx.rollback()
    assert [span.name for span in tracing.spans()] == ["SELECT tags"]


async def test_an_error_is_a_status_and_says_its_sqlstate(repo: Repo, tracing: Tracing) -> None:
    await repo.insert(Tag(name="a"))
    with instrument(repo, tracer_provider=tracing.provider), pytest.raises(ConstraintError):
        await repo.insert(Tag(name="a"))
    (span,) = tracing.spans()
    found = attributes(span)
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "ConstraintError")
    if repo.adapter.dialect.schemas:
        assert (found["error.type"], found["db.response.status_code"]) == ("23505", "23505")
    else:
        assert found["error.type"]
    assert "db.response.returned_rows" not in found


async def test_parameters_are_told_when_they_are_asked_for_and_masked(repo: Repo, tracing: Tracing) -> None:
    query = from_(User).where(User.email == "ada", User.password_hash == SECRET)
    with instrument(repo, tracer_provider=tracing.provider, parameters=True):
        await repo.all(query)
    (span,) = tracing.spans()
    found = attributes(span)
    assert (found["db.query.parameter.0"], found["db.query.parameter.1"]) == ("ada", "<redacted>")
    assert SECRET not in span.to_json()


async def test_only_the_statements_of_the_instrumented_repo_are_told(blog_url: str, tracing: Tracing) -> None:
    async with Repo(blog_url) as one, Repo(blog_url) as other:
        with instrument(one, tracer_provider=tracing.provider):
            await other.all(Tag)
            assert tracing.spans() == ()
            await one.with_options(tags={"a": 1}).all(Tag)
            assert len(tracing.spans()) == 1
        await one.all(Tag)
        assert tracing.spans() == ()
        everywhere = instrument(tracer_provider=tracing.provider)
        await one.all(Tag)
        await other.all(Tag)
        everywhere.detach()
        await one.all(Tag)
        assert len(tracing.spans()) == 2


async def test_the_call_site_is_told_where_it_is_known(blog_url: str, tracing: Tracing) -> None:
    async with Repo(blog_url, call_sites=True, prefix=None) as repo:
        with instrument(repo, tracer_provider=tracing.provider):
            await repo.all(Tag)
    found = attributes(tracing.spans()[0])
    assert found["code.file.path"] == __file__
    assert found["code.line.number"] > 0


async def test_events_of_another_name_are_told_where_they_are_listened_to(repo: Repo, tracing: Tracing) -> None:
    with (
        instrument(repo, tracer_provider=tracing.provider),
        instrument(repo, event="app.tags", tracer_provider=tracing.provider),
    ):
        await repo.all(Tag, event="app.tags")
        await repo.all(Tag, event=None)
    assert len(tracing.spans()) == 1
    assert not telemetry.listeners("app.tags")


def test_without_opentelemetry_the_import_says_what_to_install() -> None:
    code = "import sys; sys.modules['opentelemetry'] = None; sys.modules['opentelemetry.trace'] = None\n"
    code += "import ectype.opentelemetry"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert "ImportError: `ectype.opentelemetry` needs OpenTelemetry's API: `pip install 'ectype[otel]'`" in done.stderr

"""Events, the log and plans: what handlers are given, and what `explain` returns by its format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_type

from ectype import ExplainOptions, Plan, Repo, from_, telemetry
from ectype.opentelemetry import instrument
from ectype.telemetry import Attachment, Database, QueryEvent
from tests.typing.accepted.library import Book


def show(event: QueryEvent) -> None:
    assert_type(event.operation, str)
    assert_type(event.source, str | None)
    assert_type(event.query_time, float | None)
    assert_type(event.total_time, float)
    assert_type(event.tags, Mapping[str, object])
    assert_type(event.database, Database)
    assert_type(event.database.port, int | None)


async def explained(repo: Repo) -> None:
    query = from_(Book).where(Book.pages > 3)
    options: ExplainOptions = {"analyze": True, "timeout": 3}
    assert_type(await repo.explain(query), str)
    assert_type(await repo.explain(Book, format="yaml"), str)
    assert_type(await repo.explain(query, format="json"), list[dict[str, Any]])
    assert_type(await repo.explain(query, Book.pages.inc(1), format="plan", **options), Plan)
    assert_type(await repo.explain(query, delete=True, plan="generic"), str)
    for node in (await repo.explain(query, format="plan")).walk():
        assert_type(node, Plan)
        assert_type(node.actual_time, float | None)


async def told(repo: Repo) -> None:
    assert_type(telemetry.attach("ectype.repo.query", show, call_sites=True), Attachment)
    with telemetry.attach(telemetry.QUERY, show) as attached, instrument(repo):
        assert_type(attached, Attachment)
        await repo.all(Book, log="info")
        await repo.with_options(log=False, tags={"page": "home"}).get(Book, 1, log=True)


quiet = Repo("sqlite:///:memory:", log=False, slow_query=0.5, call_sites=True, sql_comment={"application": "shop"})

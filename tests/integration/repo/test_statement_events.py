"""What an event says of its statement: its times, what it did and where, its transaction, and who called."""

import asyncio
import contextlib
import inspect
import time
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

import pytest

from ectype import (
    ConstraintError,
    DatabaseError,
    DeadlineError,
    PoolTimeoutError,
    Repo,
    change,
    fn,
    from_,
    replace,
    source,
    subquery,
    telemetry,
)
from ectype.telemetry import QueryEvent, RepoEvent
from tests.integration.repo.blog import LogLine, Post, Seat, Tag, User

SECRET = "s3cret-h4sh"
COUNTING: LiteralString = (
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500000000) SELECT count(*) FROM n"
)


async def filled(repo: Repo) -> User:
    ada = await repo.insert(User(name="Ada", email="ada"), event=None)
    await repo.insert_all(Tag, [{"name": name, "color": "red"} for name in "abc"], event=None)
    return ada


async def test_every_event_says_what_it_did_and_to_which_table(repo: Repo, events: list[QueryEvent]) -> None:
    ada = await filled(repo)
    tags = from_(Tag)
    calls = {
        ("SELECT", "tags"): [
            lambda: repo.all(Tag),
            lambda: repo.get(Tag, "a"),
            lambda: repo.exists(tags),
            lambda: repo.aggregate(Tag, fn.count()),
            lambda: repo.all(tags.select(Tag.name)),
        ],
        ("SELECT", None): [lambda: repo.all(from_(subquery(tags, "t"))), lambda: repo.query("select 1")],
        ("WITH", None): [lambda: repo.query("with n as (select 1) select * from n")],
        ("SELECT", "posts"): [lambda: repo.all(from_(Post).join(Post.author)), lambda: repo.preload(ada, User.posts)],
        ("INSERT", "tags"): [
            lambda: repo.insert(Tag(name="d")),
            lambda: repo.insert_all(Tag, [{"name": "e", "color": "x"}]),
            lambda: repo.upsert(Tag(name="a"), on_conflict=replace(Tag.color), conflict_target=Tag.name),
        ],
        ("UPDATE", "users"): [
            lambda: repo.update(change(ada, User.name.set("b"))),
            lambda: repo.update_all(User, User.name.set("c")),
        ],
        ("DELETE", "users"): [lambda: repo.delete(ada), lambda: repo.delete_all(User)],
    }
    for (operation, table), several in calls.items():
        for call in several:
            del events[:]
            await call()
            assert (operation, table) in [(event.operation, event.source) for event in events]


async def test_the_prefix_is_that_of_the_table_and_else_none(repo: Repo, events: list[QueryEvent]) -> None:
    name = "pg_temp" if repo.adapter.dialect.schemas else "main"
    far = source(Tag, "tags", prefix=name)
    with contextlib.suppress(DatabaseError):  # PostgreSQL has no such table there
        await repo.all(far)
    with contextlib.suppress(DatabaseError):
        await repo.all(Tag, prefix=name)
    await repo.all(Tag)
    await repo.query("select 1")
    assert [(event.source, event.prefix) for event in events] == [
        ("tags", name),
        ("tags", name),
        ("tags", None),
        (None, None),
    ]


async def test_all_times_are_seconds_that_add_up(repo: Repo, events: list[QueryEvent]) -> None:
    await filled(repo)
    await repo.all(Tag)
    await repo.update_all(Tag, Tag.color.set("x"))
    read, written = events
    for event in events:
        assert event.queue_time is not None
        assert event.query_time is not None
        assert event.idle_time is not None
        assert 0 <= event.queue_time < 5
        assert 0 < event.query_time < 5
        assert event.idle_time >= 0
    assert read.decode_time is not None
    assert read.decode_time > 0
    assert written.decode_time is None
    assert read.total_time == pytest.approx(read.queue_time + read.query_time + read.decode_time)
    assert written.total_time == pytest.approx(written.queue_time + written.query_time)


async def test_the_time_of_the_loader_is_told_apart_wherever_it_runs(repo: Repo, events: list[QueryEvent]) -> None:
    await repo.query("select 1 as x", into=Slow)
    (event,) = events
    assert event.decode_time is not None
    assert event.query_time is not None
    assert event.decode_time >= 0.05
    assert event.total_time >= event.decode_time + event.query_time


LOADED: list[float] = []


@dataclass
class Slow:
    """A row that takes its time to be made."""

    x: int

    def __post_init__(self) -> None:
        time.sleep(0.05)
        LOADED.append(time.perf_counter())


async def test_the_wait_for_a_connection_is_queue_time(blog_url: str, all_events: list[QueryEvent]) -> None:
    async with Repo(blog_url, pool_size=1) as repo:
        async with repo.transaction():
            waiting = asyncio.create_task(read_detached(repo))
            await asyncio.sleep(0.1)
        await waiting
    read = next(event for event in all_events if event.operation == "SELECT")
    assert read.queue_time is not None
    assert read.query_time is not None
    assert read.queue_time >= 0.05 > 0
    assert read.idle_time == 0
    assert read.transaction is None


async def read_detached(repo: Repo) -> None:
    with repo.detached():
        await repo.all(Tag)


async def test_a_statement_that_got_no_connection_was_never_sent(blog_url: str, all_events: list[QueryEvent]) -> None:
    async with Repo(blog_url, pool_size=1) as repo, repo.transaction():
        with repo.detached():
            with pytest.raises(PoolTimeoutError):
                await repo.all(Tag, timeout=0.05)
            with pytest.raises(PoolTimeoutError):
                async with repo.transaction(timeout=0.05):
                    pass
    _, read, begin, _ = all_events
    for event, operation in ((read, "SELECT"), (begin, "BEGIN")):
        assert (event.operation, event.query_time, event.decode_time, event.rows) == (operation, None, None, None)
        assert event.queue_time is not None
        assert event.queue_time >= 0.04
        assert type(event.error) is PoolTimeoutError


async def test_how_long_the_connection_lay_idle_is_told_of_the_first_statement(
    blog_url: str, all_events: list[QueryEvent]
) -> None:
    async with Repo(blog_url, pool_size=1) as repo:
        await repo.all(Tag)
        await asyncio.sleep(0.06)
        async with repo.transaction():
            await asyncio.sleep(0.06)
            await repo.all(Tag)
    idle = [event.idle_time for event in all_events]
    assert idle[1] is not None
    assert idle[1] >= 0.05
    assert idle[2:] == [None, None]


async def test_a_connection_that_works_does_not_lie_idle(blog_url: str, events: list[QueryEvent]) -> None:
    async with Repo(blog_url, pool_size=1) as repo:
        await repo.query("select 1 as x", into=Slow)
        await repo.all(Tag)
        since = time.perf_counter() - LOADED[-1]
    idle = events[1].idle_time
    assert idle is not None
    assert 0 <= idle <= since


async def test_what_begins_and_ends_transactions_has_events_of_its_own(
    repo: Repo, all_events: list[QueryEvent]
) -> None:
    async with repo.transaction():
        async with repo.transaction():
            await repo.all(Tag)
        async with repo.transaction() as tx:
            tx.rollback()
    async with repo.transaction() as tx:
        tx.rollback()
    begin = "BEGIN" if repo.adapter.dialect.schemas else "BEGIN IMMEDIATE"
    assert [(event.operation, event.sql.split(" ectype_")[0]) for event in all_events] == [
        ("BEGIN", begin),
        ("SAVEPOINT", "SAVEPOINT"),
        ("SELECT", all_events[2].sql),
        ("RELEASE SAVEPOINT", "RELEASE SAVEPOINT"),
        ("SAVEPOINT", "SAVEPOINT"),
        ("ROLLBACK TO SAVEPOINT", "ROLLBACK TO SAVEPOINT"),
        ("COMMIT", "COMMIT"),
        ("BEGIN", begin),
        ("ROLLBACK", "ROLLBACK"),
    ]
    for event in all_events:
        if event.operation != "SELECT":
            assert (event.params, event.rows, event.source, event.error) == ((), None, None, None)
        assert event.query_time is not None
        assert 0 < event.query_time < 5
    first, second = all_events[0].transaction, all_events[-1].transaction
    assert first is not None
    assert first != second
    assert [event.transaction for event in all_events] == [first] * 7 + [second] * 2


@pytest.mark.postgres
async def test_begin_says_how_the_transaction_begins(postgres_blog: str, all_events: list[QueryEvent]) -> None:
    async with Repo(postgres_blog) as repo, repo.transaction(isolation="serializable", read_only=True):
        pass
    assert all_events[0].sql == "BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY"


async def test_the_options_of_a_call_are_those_of_its_own_transaction_too(
    repo: Repo, all_events: list[QueryEvent]
) -> None:
    await filled(repo)
    assert all_events == []
    eve = User(name="Eve", email="eve", posts=[Post(title="x")])
    await repo.insert(eve, tags={"page": "home"})
    await repo.insert_all(LogLine, [{"line": "a"}, {"line": "b", "level": 3}], tags={"page": "home"})
    async with repo.with_options(tags={"page": "home"}).transaction():
        pass
    operations = [event.operation for event in all_events]
    assert operations.count("BEGIN") == operations.count("COMMIT") == 3
    assert {event.tags.get("page") for event in all_events} == {"home"}
    del all_events[:]
    async with repo.with_options(event=None).transaction():
        pass
    assert all_events == []


async def test_a_failed_statement_has_its_error_and_its_time(repo: Repo, all_events: list[QueryEvent]) -> None:
    await filled(repo)
    with pytest.raises(ConstraintError):
        async with repo.transaction():
            await repo.insert(Tag(name="a"))
    insert, rollback = all_events[1:]
    assert type(insert.error) is ConstraintError
    assert insert.query_time is not None
    assert insert.query_time > 0
    assert (rollback.operation, rollback.error) == ("ROLLBACK", None)


async def test_a_deadline_is_told_with_the_time_that_it_took(repo: Repo, events: list[QueryEvent]) -> None:
    with pytest.raises(DeadlineError):
        await repo.query(
            COUNTING,
            timeout=0.1,
        )
    (event,) = events
    assert type(event.error) is DeadlineError
    assert event.query_time is not None
    assert event.query_time >= 0.09


async def test_rows_of_a_batch_have_their_parameters_masked(repo: Repo, events: list[QueryEvent]) -> None:
    users = [User(name=name, email=name, password_hash=SECRET) for name in "ab"]
    await repo.insert_all(User, users, timestamps=True)
    assert SECRET not in repr(events)


def here() -> int:
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


async def test_call_sites_are_told_when_they_are_asked_for(
    blog_url: str, all_events: list[QueryEvent], tmp_path: Path
) -> None:
    async with Repo(blog_url, call_sites=True) as repo:
        line = here() + 1
        await repo.get(Tag, "a")
        await asyncio.wait_for(repo.all(Tag), 5)
        async with repo.transaction():
            await repo.all(Tag)
        task = asyncio.create_task(repo.all(Tag))
        await task
    sites = [event.call_site for event in all_events]
    # `asyncio.wait_for` is a task of its own on 3.11, as `create_task` is everywhere.
    assert sites[1] in (f"{__file__}:{line + 1}", None)
    assert [sites[0], *sites[2:]] == [
        f"{__file__}:{line}",
        f"{__file__}:{line + 2}",
        f"{__file__}:{line + 3}",
        f"{__file__}:{line + 2}",
        None,
    ]


async def test_a_handler_may_ask_for_call_sites(repo: Repo, all_events: list[QueryEvent]) -> None:
    await repo.get(Tag, "a")
    with telemetry.attach("ectype.repo.query", lambda event: None, call_sites=True):
        await repo.get(Tag, "a")
        line = here() - 1
    await repo.get(Tag, "a")
    assert [event.call_site for event in all_events] == [None, f"{__file__}:{line}", None]


async def test_a_handler_is_attached_at_once_and_may_stay() -> None:
    heard: list[object] = []
    attachment = telemetry.attach("app.thing", heard.append)
    with telemetry.attach("app.thing", heard.append):
        telemetry.emit("app.thing", 1)
    telemetry.emit("app.thing", 2)
    attachment.detach()
    attachment.detach()
    telemetry.emit("app.thing", 3)
    assert heard == [1, 1, 2]
    assert not telemetry.listeners("app.thing")
    telemetry.attach("app.thing", heard.append)
    telemetry.detach("app.thing", heard.append)
    telemetry.detach("app.thing", heard.append)
    assert not telemetry.listeners("app.thing")


async def test_opening_and_closing_a_repo_are_told_without_its_password(blog_url: str) -> None:
    told: list[tuple[str, RepoEvent]] = []
    names = ("ectype.repo.opened", "ectype.repo.closed")
    attachments = [telemetry.attach(name, lambda event, name=name: told.append((name, event))) for name in names]
    try:
        async with Repo(blog_url, name="blog", pool_size=3) as repo:
            await repo.all(Tag)
    finally:
        for one in attachments:
            one.detach()
    assert tuple([name for name, _ in told]) == names
    url, database = repo.adapter.url, repo.adapter.dialect.name
    assert told[0][1] == told[1][1] == RepoEvent("blog", url, database, 3)


async def test_an_event_says_which_database_it_was(repo: Repo, events: list[QueryEvent]) -> None:
    await repo.all(Seat)
    assert events[0].database is repo.adapter.database
    assert events[0].database.system == ("postgresql" if repo.adapter.dialect.schemas else "sqlite")
    assert events[0].database.name

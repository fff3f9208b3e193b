"""A COMMIT whose answer is lost: it is reported right or as unknown, and `resolve` is right every time."""
# ruff: noqa: PT012  # the blocks are what is tested here

import asyncio
import pickle
import random
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from ectype import CommitUnknownError, ConnectError, DeadlineError, EctypeError, Field, Repo, Schema, change, from_
from ectype.adapters.postgres_outcome import outcome
from ectype.schema.fields import field
from tests.integration.repo.commit_proxy import FAULTS, Proxy, proxied

SECONDS = 20.0
IMPATIENT = 0.25
"""The deadline of those who meet a fault: before what is late arrives."""


class Entry(Schema, table="entries"):
    id: Field[int] = field(primary_key=True)
    text: Field[str | None] = field(default=None)


class Gate(Schema, table="gates"):
    """What is written here is written to `entries` by a trigger, and not here."""

    id: Field[int] = field(primary_key=True)


GATES = """
create table gates (id bigint primary key);
create function through() returns trigger language plpgsql as $$
begin insert into entries (id) values (new.id); return null; end $$;
create trigger through before insert on gates for each row execute function through()
"""


async def _insert(repo: Repo, number: int) -> None:
    await repo.insert(Entry(id=number))


async def _insert_and_more(repo: Repo, number: int) -> None:
    await repo.all(Entry)
    entry = await repo.insert(Entry(id=number))
    await repo.update(change(entry, Entry.text.set("x")))


async def _update(repo: Repo, number: int) -> None:
    entry = await repo.get_or_raise(Entry, 0)
    await repo.update(change(entry, Entry.text.set(str(number))))
    await repo.insert_all(Entry, [{"id": number}])


async def _all(repo: Repo, number: int) -> None:
    await repo.insert_all(Entry, [{"id": number}])


async def _all_returning(repo: Repo, number: int) -> None:
    assert await repo.insert_all(Entry, [{"id": number}], returning=Entry.id) == [number]


async def _text(repo: Repo, number: int) -> None:
    await repo.query("insert into entries (id) values ({})", number)


async def _text_that_selects(repo: Repo, number: int) -> None:
    await repo.query("with made as (insert into entries (id) values ({}) returning id) select * from made", number)


async def _nothing_first(repo: Repo, number: int) -> None:
    await repo.update_all(from_(Entry).where(Entry.id == -1), Entry.text.set("y"))
    async with repo.transaction() as inner:
        await repo.insert(Entry(id=number + 500_000))
        inner.rollback()
    await repo.insert(Entry(id=number))


async def _nested(repo: Repo, number: int) -> None:
    async with repo.transaction():
        await repo.insert(Entry(id=number))


async def _through_a_trigger(repo: Repo, number: int) -> None:
    await repo.insert(Gate(id=number))


WORK = (
    _through_a_trigger,
    _insert, _insert_and_more, _update, _all, _all_returning, _text, _text_that_selects, _nothing_first, _nested,
)  # fmt: skip


@pytest.fixture
async def entries(fresh_postgres_url: str) -> AsyncIterator[Repo]:
    """The table, through a connection of its own that meets no fault."""
    async with Repo(fresh_postgres_url, pool_size=1) as repo:
        await make(repo)
        yield repo


async def make(repo: Repo) -> None:
    """Make the tables on PostgreSQL."""
    await repo.query("create table entries (id bigint primary key, text text)")
    await repo._session.script(GATES)
    await repo.insert(Entry(id=0))


async def told(work: Any, repo: Repo, number: int, timeout: float) -> bool | EctypeError:
    """Return what a transaction was told to have done: True, or its error."""
    try:
        async with asyncio.timeout(SECONDS):
            await repo.transact(lambda: work(repo, number), timeout=timeout)
    except EctypeError as exc:
        return exc
    return True


async def stored(entries: Repo, number: int) -> bool:
    return await entries.exists(from_(Entry).where(Entry.id == number))


async def meet(proxy: Proxy, entries: Repo, work: Any, fault: str, number: int, patience: float = IMPATIENT) -> str:
    """Run a transaction that meets a fault, and check what it is told; returns that."""
    proxy.fault = fault
    async with Repo(proxy.url, pool_size=1, timeout=10) as repo:
        await repo.exists(Entry)
        result = await told(work, repo, number, 10.0 if fault in ("none", "slow") else patience)
    if proxy.fault == fault != "none":
        # The deadline came before COMMIT, on a machine that is busy.
        assert not await stored(entries, number)
        return await meet(proxy, entries, work, fault, number, patience * 2)
    if result is True:
        assert await stored(entries, number)
        return "stored"
    assert isinstance(result, CommitUnknownError), result
    assert result.transaction is not None
    known = await asyncio.wait_for(result.resolve(10.0), SECONDS)
    assert await stored(entries, number) == known
    # What was found out stays true, and is found out again.
    assert await result.resolve() == known
    return "committed" if known else "rolled back"


ENDS = {
    "none": {"stored"},
    "cut before": {"rolled back"},
    "cut after": {"committed"},
    "cut both after": {"committed", "rolled back"},
    "hold": {"rolled back"},
    "late": {"rolled back", "committed"},
    "swallow": {"committed"},
    "slow": {"stored"},
}
"""What may become of each fault; who is late depends on the machine."""


@pytest.mark.postgres
@pytest.mark.parametrize("work", WORK, ids=lambda work: work.__name__.strip("_"))
async def test_a_commit_whose_answer_is_lost_is_unknown_and_resolved_right(
    entries: Repo, fresh_postgres_url: str, work: Any
):
    """Rows 21 and 54, for every way of writing first."""

    async def run(fault: str, number: int) -> None:
        async with proxied(fresh_postgres_url) as proxy:
            assert await meet(proxy, entries, work, fault, number) in ENDS[fault], fault
            assert proxy.met >= 1

    async with asyncio.TaskGroup() as group:
        for number, fault in enumerate(FAULTS, start=1):
            group.create_task(run(fault, number))


@pytest.mark.postgres
async def test_commits_that_meet_random_faults_are_all_told_right(entries: Repo, fresh_postgres_url: str):
    dice = random.Random(21)
    plan = [(dice.choice(WORK), dice.choice(FAULTS), number) for number in range(1, 49)]

    async def run(share: list[Any]) -> None:
        async with proxied(fresh_postgres_url) as proxy:
            for work, fault, number in share:
                assert await meet(proxy, entries, work, fault, number) in ENDS[fault], (work, fault)

    async with asyncio.TaskGroup() as group:
        for worker in range(8):
            group.create_task(run(plan[worker::8]))


@pytest.mark.postgres
async def test_backends_that_are_ended_around_commit_leave_no_wrong_report(entries: Repo, fresh_postgres_url: str):
    """Row 54, with the server's own way to lose an answer."""
    dice = random.Random(22)
    ends: list[str] = []
    async with Repo(fresh_postgres_url, pool_size=4) as repo, Repo(fresh_postgres_url, pool_size=1) as admin:
        for number in range(1, 61):
            pid: list[int] = []

            async def work(number: int = number, pid: list[int] = pid) -> None:
                pid.append((await repo.query("select pg_backend_pid()")).rows[0][0])
                await repo.insert(Entry(id=number))

            task = asyncio.create_task(told(lambda _repo, _number: work(), repo, number, 10.0))
            while not pid and not task.done():
                await asyncio.sleep(0)
            await asyncio.sleep(dice.random() * 0.002)
            if pid:
                await admin.query("select pg_terminate_backend({})", pid[0])
            result = await task
            if isinstance(result, CommitUnknownError):
                known = await result.resolve()
                ends.append(f"unknown, {known}")
            else:
                known = result is True
                ends.append(result.__class__.__name__)
            assert await stored(entries, number) == known, result
    assert len(set(ends)) > 1


@pytest.mark.postgres
async def test_a_connection_that_was_lost_before_commit_is_no_unknown_outcome(entries: Repo, fresh_postgres_url: str):
    async with Repo(fresh_postgres_url, pool_size=1) as repo:
        with pytest.raises(ConnectError):
            async with repo.transaction() as tx:
                await repo.insert(Entry(id=1))
                pid = (await repo.query("select pg_backend_pid()")).rows[0][0]
                await entries.query("select pg_terminate_backend({})", pid)
                async with asyncio.timeout(SECONDS):
                    while not repo._session.scope().lease.connection.broken:  # type: ignore[union-attr]
                        await asyncio.sleep(0.001)
    assert tx.rolled_back
    assert not await stored(entries, 1)


@pytest.mark.postgres
async def test_only_text_that_may_write_costs_a_question_before_commit(entries: Repo):
    seen: list[str] = []
    cases: list[tuple[Any, bool, list[str]]] = [
        (_insert, False, []),
        (_insert_and_more, False, []),
        (_text, False, ["SELECT pg_current_xact_id_if_assigned()::text"]),
        (lambda repo, _number: repo.query("select 1"), False, ["SELECT pg_current_xact_id_if_assigned()::text"]),
        (lambda repo, _number: repo.query("select 1"), True, []),
        (lambda repo, _number: repo.all(Entry), False, []),
    ]
    for number, (work, read_only, asked) in enumerate(cases, start=1):
        async with entries.transaction(read_only=read_only):
            await work(entries, number)
            driver = entries._session.scope().lease.connection._driver  # type: ignore[union-attr, attr-defined]
            seen.clear()
            listen = lambda record: seen.append(record.query)
            driver.add_query_logger(listen)
        driver.remove_query_logger(listen)
        # The driver tells of a query in the next turn of the loop.
        await asyncio.sleep(0)
        assert seen == [*asked, "COMMIT"]


@pytest.mark.postgres
async def test_what_was_only_read_cannot_be_resolved_and_says_so(entries: Repo, fresh_postgres_url: str):
    async with proxied(fresh_postgres_url) as proxy, Repo(proxy.url, pool_size=1) as repo:
        proxy.fault = "cut before"
        result = await told(lambda repo, _number: repo.exists(Entry), repo, 0, 10.0)
        assert isinstance(result, CommitUnknownError)
        with pytest.raises(CommitUnknownError, match="the transaction had no id"):
            await result.resolve()


@pytest.mark.postgres
async def test_the_server_that_cannot_know_or_is_not_there_is_said(entries: Repo):
    adapter = entries.adapter
    with pytest.raises(CommitUnknownError, match="the server does not know the transaction 99999999999"):
        await outcome(adapter.connect, "99999999999", 5)  # type: ignore[arg-type]
    for forgotten in ("1", "2"):
        # These two are there before anything else is, and count as committed for ever.
        assert await outcome(adapter.connect, forgotten, 5)  # type: ignore[arg-type]
    async with entries.transaction():
        await entries.insert(Entry(id=1))
        number = await entries.query("select pg_current_xact_id()::text")
        task = asyncio.create_task(outcome(adapter.connect, number.rows[0][0], 0.2))  # type: ignore[arg-type]
        # It is this connection that runs a statement, so that it is not ended as one that waits.
        await entries.query("select pg_sleep(1)")
        with pytest.raises(DeadlineError, match="was still running after"):
            await task
    with pytest.raises(ConnectError):
        await outcome(Repo("postgresql://nobody@127.0.0.1:1/x").adapter.connect, "5", 1)  # type: ignore[arg-type]


def test_an_error_that_nobody_can_ask_about_raises_itself():
    error = CommitUnknownError("unknown")
    with pytest.raises(CommitUnknownError) as caught:
        error.resolve()
    assert caught.value is error
    whole = CommitUnknownError(
        "unknown", hint="ask", transaction="5", ask=lambda _seconds: asyncio.sleep(0, result=True)
    )
    copy = pickle.loads(pickle.dumps(whole))
    assert (copy.message, copy.hint, copy.transaction, str(copy)) == ("unknown", "ask", "5", str(whole))
    with pytest.raises(CommitUnknownError):
        copy.resolve()


# --- SQLite


@pytest.fixture
async def file(sqlite_url: str) -> AsyncIterator[Repo]:
    """A file with the table."""
    async with Repo(sqlite_url, pool_size=1) as repo:
        await repo.query("create table entries (id integer primary key, text text) strict")
        # The first insert of a program makes its plan, which takes longer than the deadlines here.
        await repo.delete(await repo.insert(Entry(id=0)))
        yield repo


def held(repo: Repo, seconds: float = SECONDS) -> threading.Event:
    """Hold the next COMMIT on its thread, as a disk that hangs would, until the event is set, or so long."""
    connection = repo._session.scope().lease.connection  # type: ignore[union-attr]
    go = threading.Event()

    def trace(sql: str) -> None:
        if sql == "COMMIT":
            go.wait(seconds)

    connection._worker.raw.set_trace_callback(trace)  # type: ignore[attr-defined]
    return go


@pytest.mark.parametrize("released", ["at once", "when it is asked for", "when its repo is closed"])
async def test_a_commit_on_sqlite_that_does_not_end_in_time_is_resolved_when_it_ends(
    file: Repo, sqlite_url: str, released: str
):
    with pytest.raises(CommitUnknownError) as caught:
        async with file.transaction(timeout=0.2) as tx:
            await file.insert(Entry(id=1))
            go = held(file)
    assert not tx.rolled_back
    error = caught.value
    if released != "at once":
        with pytest.raises(DeadlineError, match="has not ended within"):
            await error.resolve(0.05)
    if released == "when its repo is closed":
        await file.close()
    go.set()
    known = await asyncio.wait_for(error.resolve(), SECONDS)
    async with Repo(sqlite_url) as other:
        assert await stored(other, 1) == known


async def test_a_commit_on_sqlite_that_ends_late_is_told_as_what_it_did(file: Repo):
    """A deadline that is met in the middle of COMMIT: it is stored, or it is rolled back and raised as that."""
    late = 0
    for number in range(1, 31):
        try:
            async with file.transaction() as tx:
                await file.insert(Entry(id=number))
                held(file, 0.02)
                file._session.scope().lease.timeout = 0.000_5 * number  # type: ignore[union-attr]
        except DeadlineError:
            assert tx.rolled_back
            late += 1
        assert await stored(file, number) == (not tx.rolled_back)
    # The first ones have no time at all.
    assert late > 0


@pytest.mark.parametrize("after", range(6))
async def test_a_commit_on_sqlite_whose_end_is_seen_after_its_deadline_is_stored(file: Repo, after: int):
    """The thread has done it, and the loop was busy meanwhile."""
    loop = asyncio.get_running_loop()

    def busy(turns: int) -> None:
        if turns:
            loop.call_soon(busy, turns - 1)
        else:
            time.sleep(0.2)

    try:
        async with file.transaction() as tx:
            await file.insert(Entry(id=1))
            file._session.scope().lease.timeout = 0.05  # type: ignore[union-attr]
            loop.call_soon(busy, after)
    except DeadlineError:
        assert tx.rolled_back
    assert await stored(file, 1) == (not tx.rolled_back)

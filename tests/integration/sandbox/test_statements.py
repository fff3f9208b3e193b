"""In the sandbox a statement, a transaction and a commit do what they do outside of it, until the owner ends."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from ectype import (
    ConfigError,
    ConstraintError,
    DatabaseError,
    DeadlineError,
    EctypeError,
    Invalid,
    InvalidChangesetError,
    Owner,
    PoolTimeoutError,
    Repo,
    TransactionAbortedError,
    UnsupportedError,
    from_,
    sandbox,
    telemetry,
)
from ectype.telemetry import QueryEvent
from tests.integration.sandbox.people import Note, Person, named

SECONDS = 30.0
"""The ceiling of what must end."""


@pytest.fixture
async def owned(repo: Repo) -> AsyncIterator[Repo]:
    """A repo in the sandbox of this test."""
    async with sandbox(repo):
        yield repo


@pytest.fixture
async def postgres_owned(postgres_repo: Repo) -> AsyncIterator[Repo]:
    """The same on PostgreSQL alone."""
    async with sandbox(postgres_repo):
        yield postgres_repo


async def names(repo: Repo) -> list[str]:
    return await repo.all(from_(Person).select(Person.name).order_by(Person.name))


async def test_after_a_query_that_failed_a_good_one_succeeds_and_each_is_one_event(repo: Repo):
    """Check 60 of Ecto's behaviours."""
    events: list[QueryEvent] = []
    async with sandbox(repo):
        with telemetry.attach("ectype.repo.query", events.append):
            with pytest.raises(DatabaseError):
                await repo.query("select * from nowhere")
            assert not repo.in_transaction
            await repo.insert(Person(name="Ada"))
            assert await names(repo) == ["Ada"]
            assert not repo.in_transaction
        assert [event.sql.split()[0].upper() for event in events] == ["SELECT", "INSERT", "SELECT"]
        assert isinstance(events[0].error, DatabaseError)
    async with sandbox(repo):
        assert await names(repo) == []


async def test_only_the_application_opens_transactions(owned: Repo):
    assert not owned.in_transaction
    async with owned.transaction():
        assert owned.in_transaction
        async with owned.transaction():
            assert owned.in_transaction
        assert owned.in_transaction
    assert not owned.in_transaction


async def test_a_rollback_undoes_the_transaction_and_nothing_before_it(owned: Repo):
    await owned.insert(Person(name="before"))
    async with owned.transaction() as tx:
        await owned.insert(Person(name="inside"))
        tx.rollback()
    assert await names(owned) == ["before"]


async def test_a_nested_rollback_undoes_the_nested_transaction_only(owned: Repo):
    async with owned.transaction():
        await owned.insert(Person(name="outer"))
        async with owned.transaction() as inner:
            await owned.insert(Person(name="inner"))
            inner.rollback()
    assert await names(owned) == ["outer"]


async def test_a_failed_statement_aborts_its_transaction_as_outside(owned: Repo):
    await owned.insert(Person(name="Ada"))

    async def transfer() -> None:
        async with owned.transaction():
            await owned.insert(Person(name="Bob"))
            with pytest.raises(ConstraintError):
                await owned.insert(Person(name="Ada"))
            with pytest.raises(TransactionAbortedError):
                await names(owned)

    with pytest.raises(TransactionAbortedError):
        await transfer()
    assert await names(owned) == ["Ada"]


async def test_a_refused_changeset_is_told_by_its_field(owned: Repo):
    await owned.insert(named("Ada"))
    with pytest.raises(InvalidChangesetError, match="has already been taken"):
        await owned.insert(named("Ada"))
    async with owned.transaction():
        assert isinstance(await owned.try_insert(named("Ada")), Invalid)
        await owned.insert(named("Bob"))
    assert await names(owned) == ["Ada", "Bob"]


async def test_callbacks_run_when_the_outermost_transaction_of_the_application_ends(owned: Repo):
    told: list[object] = []

    async def tell() -> None:
        told.append(await names(owned))

    owned.after_commit(lambda: told.append("at once"))
    assert told == ["at once"]
    async with owned.transaction():
        owned.after_commit(lambda: told.append("first"))
        async with owned.transaction():
            await owned.insert(Person(name="Ada"))
            owned.after_commit(tell)
        async with owned.transaction() as inner:
            owned.after_commit(lambda: told.append("never"))
            inner.rollback()
        assert told == ["at once"]
    assert told == ["at once", "first", ["Ada"]]
    async with owned.transaction() as tx:
        owned.after_commit(lambda: told.append("never"))
        tx.rollback()
    assert told == ["at once", "first", ["Ada"]]


async def test_deferred_constraints_are_checked_at_the_end_of_a_transaction(owned: Repo):
    told: list[str] = []

    async def work() -> None:
        async with owned.transaction():
            await owned.insert(Note(body="nobody's", author_id=77))
            owned.after_commit(lambda: told.append("never"))
            assert len(await owned.all(Note)) == 1

    with pytest.raises(ConstraintError) as caught:
        await work()
    assert caught.value.kind == "foreign_key"
    assert not owned.in_transaction
    assert told == []
    assert await owned.all(Note) == []


async def test_deferred_constraints_stay_deferred_in_the_next_transaction(owned: Repo):
    for number in range(3):
        async with owned.transaction():
            await owned.insert(Note(body="first the note", author_id=number))
            await owned.insert(Person(id=number, name=f"person {number}"))
            async with owned.transaction():
                await owned.delete((await owned.all(from_(Person).where(Person.id == number)))[0])
                await owned.insert(Person(id=number, name=f"person {number} again"))
    assert len(await owned.all(Note)) == 3


async def test_deferred_constraints_are_checked_at_the_end_of_a_statement_that_is_no_transaction(owned: Repo):
    with pytest.raises(ConstraintError) as caught:
        await owned.insert(Note(body="nobody's", author_id=77))
    assert caught.value.kind == "foreign_key"
    assert await owned.all(Note) == []
    ada = await owned.insert(Person(name="Ada"))
    await owned.insert(Note(body="hers", author_id=ada.id))


async def test_a_transaction_that_only_reads_writes_nothing_and_the_next_one_does(postgres_owned: Repo):
    async def write() -> None:
        async with postgres_owned.transaction(read_only=True):
            await postgres_owned.insert(Person(name="Ada"))

    with pytest.raises(DatabaseError, match="read-only"):
        await write()
    async with postgres_owned.transaction(read_only=True):
        assert await names(postgres_owned) == []
    await postgres_owned.insert(Person(name="Bob"))
    async with postgres_owned.transaction():
        await postgres_owned.insert(Person(name="Cleo"))
    assert await names(postgres_owned) == ["Bob", "Cleo"]


async def test_another_isolation_than_the_owners_is_refused(postgres_repo: Repo):
    async with sandbox(postgres_repo, name="the test") as owner:
        assert owner.isolation == "read committed"
        async with postgres_repo.transaction(isolation="read committed"):
            await postgres_repo.insert(Person(name="Ada"))
        with pytest.raises(ConfigError, match="the owner `the test` has begun with 'read committed'") as caught:
            async with postgres_repo.transaction(isolation="serializable"):
                pass
        assert 'sandbox(repo, isolation="serializable")' in str(caught.value)
        assert await names(postgres_repo) == ["Ada"]
    async with sandbox(postgres_repo, isolation="serializable") as owner:
        assert owner.isolation == "serializable"
        async with postgres_repo.transaction(isolation="serializable"):
            assert (await postgres_repo.query("show transaction_isolation")).rows == [("serializable",)]


async def test_what_the_sandbox_cannot_do_is_refused_by_name(postgres_repo: Repo):
    async with sandbox(postgres_repo, isolation="serializable"):
        with pytest.raises(UnsupportedError, match="deferrable=True is not known to the sandbox"):
            async with postgres_repo.transaction(isolation="serializable", read_only=True, deferrable=True):
                pass
        with pytest.raises(UnsupportedError, match=r"VACUUM.*\(PostgreSQL\), and in the sandbox") as caught:
            await postgres_repo.query("vacuum people")
        assert "without `sandbox=True`" in str(caught.value)
        assert await names(postgres_repo) == []


async def test_work_that_lost_a_race_is_tried_again(postgres_owned: Repo):
    tries: list[int] = []
    told: list[str] = []

    async def work() -> int:
        tries.append(len(tries))
        await postgres_owned.insert(Person(name=f"try {len(tries)}"))
        postgres_owned.after_commit(lambda: told.append(f"try {len(tries)}"))
        if len(tries) < 3:
            await postgres_owned.query("do $$ begin raise exception 'lost' using errcode = '40001'; end $$")
        return len(tries)

    assert await postgres_owned.transact(work, retries=5) == 3
    assert await names(postgres_owned) == ["try 3"]
    assert told == ["try 3"]


@pytest.mark.parametrize("in_transaction", [False, True], ids=["alone", "in a transaction"])
async def test_a_cancelled_statement_leaves_the_owner_usable(postgres_owned: Repo, in_transaction: bool):
    await postgres_owned.insert(Person(name="Ada"))

    async def sleep() -> None:
        if not in_transaction:
            await postgres_owned.query("select pg_sleep(60)")
            return
        async with postgres_owned.transaction():
            await postgres_owned.insert(Person(name="Bob"))
            await postgres_owned.query("select pg_sleep(60)")

    async with asyncio.timeout(SECONDS):
        for pause in (0.0, 0.001, 0.01, 0.1):
            task = asyncio.create_task(sleep())
            await asyncio.sleep(pause)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await names(postgres_owned) == ["Ada"]


@pytest.mark.parametrize("steps", range(0, 60, 6))
async def test_a_task_that_is_cancelled_at_any_moment_undoes_its_own_work_only(owned: Repo, steps: int):
    await owned.insert(Person(name="Ada"))
    done: list[str] = []

    async def work() -> None:
        await owned.insert(Person(name="Bob"))
        done.append("Bob")
        async with owned.transaction():
            await owned.insert(Person(name="Cleo"))
            await owned.insert(Person(name="Dora"))
        done.append("Cleo")

    async with asyncio.timeout(SECONDS):
        task = asyncio.create_task(work())
        for _ in range(steps):
            await asyncio.sleep(0.0002)
        task.cancel()
        await asyncio.wait({task})
        found = await names(owned)
    assert found[0] == "Ada"
    assert ("Cleo" in found) == ("Dora" in found)
    assert set(done) <= set(found)
    await owned.insert(Person(name="Eve"))


async def test_a_statement_past_its_deadline_leaves_the_owner_usable(postgres_owned: Repo):
    with pytest.raises(DeadlineError) as caught:
        await postgres_owned.query("select pg_sleep(60)", timeout=0.2)
    assert "waited for what is held" not in str(caught.value)
    await postgres_owned.insert(Person(name="Ada"))
    assert await names(postgres_owned) == ["Ada"]


async def test_tasks_of_an_owner_take_turns_on_its_connection(owned: Repo):
    async def add(number: int) -> None:
        async with owned.transaction():
            await owned.insert(Person(name=f"a {number}"))
            await asyncio.sleep(0)
            await owned.insert(Person(name=f"b {number}"))

    async with asyncio.timeout(SECONDS):
        await asyncio.gather(*(add(number) for number in range(20)))
    assert len(await names(owned)) == 40


async def test_a_second_connection_is_refused_at_once_and_not_after_the_deadline(postgres_owned: Repo):
    async with postgres_owned.transaction():
        refused = pytest.raises(PoolTimeoutError, match="asks for a second connection while it holds one")
        with postgres_owned.detached(), refused as caught:
            await names(postgres_owned)
        assert "an owner has one connection" in str(caught.value)
        await postgres_owned.insert(Person(name="Ada"))
    assert await names(postgres_owned) == ["Ada"]


async def test_a_task_that_waited_in_vain_for_the_connection_names_its_holder(postgres_owned: Repo):
    entered, go = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with postgres_owned.transaction():
            entered.set()
            await go.wait()

    holding = asyncio.create_task(hold(), name="the holder")
    await entered.wait()
    with pytest.raises(PoolTimeoutError, match=r"waited 0\.1 s for the connection of the owner.*`the holder`"):
        await postgres_owned.get(Person, 1, timeout=0.1)
    go.set()
    await holding


async def test_settings_of_sql_text_end_with_their_statement_as_outside(postgres_owned: Repo):
    await postgres_owned.query("set search_path = nowhere")
    await postgres_owned.insert(Person(name="Ada"))
    await postgres_owned.query("set role pg_read_all_data")
    await postgres_owned.insert(Person(name="Bob"))
    async with postgres_owned.transaction():
        await postgres_owned.query("set local statement_timeout = '7s'")
        assert (await postgres_owned.query("show statement_timeout")).rows == [("7s",)]
    assert (await postgres_owned.query("show statement_timeout")).rows == [("0",)]
    # The server still knows whose connection this is.
    assert (await postgres_owned.query("show application_name")).rows[0][0].startswith("ectype sandbox: ")
    assert await names(postgres_owned) == ["Ada", "Bob"]


async def test_locks_that_a_rollback_keeps_are_given_back_with_their_connection(postgres_people: str):
    async with Repo(postgres_people, sandbox=True) as repo:
        async with sandbox(repo):
            async with repo.transaction():
                await repo.query("select pg_advisory_lock(7)")
                assert len((await repo.query("select 1 from pg_locks where locktype = 'advisory'")).rows) == 1
            async with sandbox(repo):
                assert (await repo.query("select pg_try_advisory_lock(7)")).rows == [(True,)]
        async with sandbox(repo):
            assert (await repo.query("select 1 from pg_locks where locktype = 'advisory'")).rows == []


async def test_tables_that_a_test_makes_are_gone_after_it(repo: Repo):
    async with sandbox(repo):
        await repo.query("create table pets (name text)")
        await repo.query("insert into pets values ('Rex')")
        assert (await repo.query("select name from pets")).rows == [("Rex",)]
    async with sandbox(repo):
        with pytest.raises(DatabaseError, match="pets"):
            await repo.query("select name from pets")


async def _first_writes(repo: Repo, then: Callable[[], Awaitable[None]]) -> None:
    async with sandbox(repo, name="first test"):
        await repo.insert(Person(name="Ada"))
        await then()


async def test_a_unique_key_that_two_tests_write_makes_the_second_wait_for_the_first(postgres_repo: Repo):
    async def second() -> str:
        async with sandbox(postgres_repo, name="second test"):
            return (await postgres_repo.insert(Person(name="Ada"))).name

    waiting: list[asyncio.Task[str]] = []

    async def start() -> None:
        waiting.append(asyncio.create_task(second()))
        await _blocked(postgres_repo)

    async with asyncio.timeout(SECONDS):
        await _first_writes(postgres_repo, start)
        assert await waiting[0] == "Ada"


async def _blocked(repo: Repo) -> None:
    async with Repo(_url(repo)) as outside, asyncio.timeout(SECONDS):
        blocked = "select 1 from pg_stat_activity where cardinality(pg_blocking_pids(pid)) > 0"
        while not (await outside.query(blocked)).rows:
            await asyncio.sleep(0.005)


def _url(repo: Repo) -> str:
    # The servers of the tests ask for no password, so that what is shown is what is used.
    return repo.adapter.url


@pytest.mark.parametrize("in_transaction", [False, True], ids=["alone", "in a transaction"])
async def test_a_wait_past_the_deadline_names_both_tests_and_the_fix(postgres_repo: Repo, in_transaction: bool):
    async def second() -> None:
        async with sandbox(postgres_repo, name="second test"):
            if in_transaction:
                async with postgres_repo.transaction():
                    await postgres_repo.insert(Person(name="Ada"), timeout=4.0)
            await postgres_repo.insert(Person(name="Ada"), timeout=4.0)

    async def fails() -> None:
        with pytest.raises(DeadlineError) as caught:
            await second()
        message = str(caught.value)
        assert "the owner `second test` waited for what is held by the owner `first test`" in message
        assert "unique to each test" in message

    await _first_writes(postgres_repo, fails)


async def test_a_test_of_another_process_and_one_outside_the_sandbox_are_named_too(postgres_people: str):
    async def fails(repo: Repo, name: str, pattern: str) -> None:
        async with sandbox(repo, name="here"):
            with pytest.raises(DeadlineError, match=pattern):
                await repo.insert(Person(name=name), timeout=4.0)

    far_away = "tests/test_far_away.py::" + "x" * 80 + "::the_end"
    async with (
        Repo(postgres_people, sandbox=True) as repo,
        Repo(postgres_people, sandbox=True) as other,
        sandbox(other, name=far_away),
    ):
        # To a repo the owners of another one are what those of another process are.
        await other.insert(Person(name="Ada"))
        await fails(repo, "Ada", r"the owner `\.\.\.x+::the_end` of another process")
    async with (
        Repo(postgres_people) as outside,
        Repo(postgres_people, sandbox=True) as repo,
        outside.transaction() as tx,
    ):
        await outside.insert(Person(name="Ada"))
        await fails(repo, "Ada", r"process \d+ \(ectype\), which is outside the sandbox")
        tx.rollback()


async def test_two_owners_that_wait_for_each_other_are_told_so(postgres_repo: Repo):
    both = asyncio.Barrier(2)

    async def scenario(mine: str, other: str) -> str:
        async with sandbox(postgres_repo, name=mine):
            await postgres_repo.insert(Person(name=mine))
            await both.wait()
            try:
                await postgres_repo.insert(Person(name=other))
            except EctypeError as exc:
                return str(exc)
            return ""

    async with asyncio.timeout(SECONDS):
        told = await asyncio.gather(scenario("Ada", "Bob"), scenario("Bob", "Ada"))
    assert sorted(map(bool, told)) == [False, True]
    message = max(told)
    assert "deadlock" in message
    assert re.search("the owner `Ada`", message)
    assert re.search("the owner `Bob`", message)


@pytest.mark.parametrize("in_a_transaction", [False, True])
async def test_a_stream_gives_its_owners_rows_in_batches_while_other_statements_run(
    owned: Repo, in_a_transaction: bool
):
    async def read() -> list[str]:
        found: list[str] = []
        async with owned.stream(from_(Person).order_by(Person.name), batch=2) as people:
            async for person in people:
                found.append(person.name)
                await owned.insert(Person(name=f"{person.name}, read"))
        return found

    await owned.insert_all(Person, [{"name": name} for name in "ABCDE"])
    if in_a_transaction:
        async with owned.transaction():
            assert await read() == list("ABCDE")
    else:
        assert await read() == list("ABCDE")
    assert len(await names(owned)) == 10


async def test_gets_that_go_together_never_mix_two_owners(people_url: str):
    async with (
        Repo(people_url, pool_size=4, timeout=30, sandbox=True, batch_gets=True) as repo,
        sandbox(repo) as ada,
        sandbox(repo) as bob,
    ):

        async def got(owner: Owner, key: int) -> str | None:
            with owner.active():
                person = await repo.get(Person, key)
            return person and person.name

        with ada.active():
            await repo.insert(Person(id=901, name="Ada"))
        await repo.insert(Person(id=902, name="Bob"))
        asked = [(owner, key) for key in (901, 902) for owner in (ada, bob)]
        tasks = [asyncio.create_task(got(*one)) for one in asked]
        assert await asyncio.gather(*tasks) == ["Ada", None, None, "Bob"]

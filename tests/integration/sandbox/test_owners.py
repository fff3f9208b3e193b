"""Whose connection a statement runs on, and what becomes of it: found by context, by allowance, never by guess."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ectype import (
    ConfigError,
    ConnectError,
    EctypeError,
    Owner,
    OwnershipError,
    PoolTimeoutError,
    Repo,
    UnsupportedError,
    from_,
    sandbox,
)
from tests.integration.sandbox.people import Person, create_tables

SECONDS = 30.0
"""The ceiling of what must end."""


async def names(repo: Repo) -> list[str]:
    return await repo.all(from_(Person).select(Person.name).order_by(Person.name))


async def until(condition: object) -> None:
    assert callable(condition)
    async with asyncio.timeout(SECONDS):
        while not condition():
            await asyncio.sleep(0.002)


async def test_what_an_owner_wrote_is_undone_at_its_end(repo: Repo):
    async with sandbox(repo):
        await repo.insert(Person(name="Ada"))
        async with repo.transaction():
            await repo.insert(Person(name="Bob"))
        assert await names(repo) == ["Ada", "Bob"]
    async with sandbox(repo):
        assert await names(repo) == []


async def test_what_an_owner_wrote_is_undone_when_the_test_fails(repo: Repo):
    async def test() -> None:
        async with sandbox(repo):
            await repo.insert(Person(name="Ada"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await test()
    async with sandbox(repo):
        assert await names(repo) == []


async def test_owners_that_live_at_once_do_not_see_each_other(repo: Repo):
    both_wrote = asyncio.Barrier(2)

    async def scenario(name: str) -> list[str]:
        async with sandbox(repo):
            await repo.insert(Person(name=name))
            await both_wrote.wait()
            return await names(repo)

    async with asyncio.timeout(SECONDS):
        assert await asyncio.gather(scenario("Ada"), scenario("Bob")) == [["Ada"], ["Bob"]]


async def test_a_nested_sandbox_is_another_owner_and_the_outer_one_works_again_after_it(repo: Repo):
    async with sandbox(repo):
        await repo.insert(Person(name="Ada"))
        async with sandbox(repo):
            assert await names(repo) == []
        assert await names(repo) == ["Ada"]


async def test_a_statement_without_owner_names_the_task_the_test_and_what_to_do(repo: Repo):
    async with sandbox(repo, name="somebody else's"):
        refused = asyncio.create_task(asyncio.sleep(0))
    await refused

    async def ask() -> None:
        await names(repo)

    task = asyncio.create_task(ask(), name="the mailer")
    with pytest.raises(OwnershipError) as caught:
        await task
    message = str(caught.value)
    assert "task `the mailer`" in message
    assert "test_a_statement_without_owner_names_the_task_the_test_and_what_to_do" in message
    assert "async with sandbox(repo) as owner:" in message
    assert "owner.allow(task)" in message
    assert "owner.header()" in message
    assert "shared=True" in message


async def test_a_transaction_without_owner_is_refused_too(repo: Repo):
    with pytest.raises(OwnershipError, match="has no owner"):
        async with repo.transaction():
            pass


async def test_the_refusal_lists_the_owners_that_live(repo: Repo):
    asked = asyncio.Event()

    async def stray() -> None:
        await asked.wait()
        await names(repo)

    task = asyncio.create_task(stray())
    async with sandbox(repo, name="test of the cart"):
        asked.set()
        with pytest.raises(OwnershipError, match="live now: `test of the cart`"):
            await task


async def test_tasks_that_a_test_starts_work_for_its_owner(repo: Repo):
    async with sandbox(repo), asyncio.TaskGroup() as group:
        for number in range(10):
            group.create_task(repo.insert(Person(name=f"person {number}")))
    async with sandbox(repo):
        await asyncio.gather(*(repo.insert(Person(name=f"person {number}")) for number in range(10)))
        assert len(await names(repo)) == 10


class Worker:
    """A task that is there before the test, and does what it is told."""

    def __init__(self, repo: Repo, name: str | None = None) -> None:
        self.repo = repo
        self.jobs: asyncio.Queue[tuple[str, asyncio.Future[list[str]]]] = asyncio.Queue()
        self.task = asyncio.create_task(self._run(), name=name)

    async def _run(self) -> None:
        while True:
            name, answer = await self.jobs.get()
            try:
                await self.repo.insert(Person(name=name))
                # A child inherits whom its parent works for.
                answer.set_result(await asyncio.create_task(names(self.repo)))
            except EctypeError as exc:
                answer.set_exception(exc)

    async def add(self, name: str) -> list[str]:
        answer: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()
        self.jobs.put_nowait((name, answer))
        async with asyncio.timeout(SECONDS):
            return await answer

    async def end(self) -> None:
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task


@pytest.fixture
async def worker(repo: Repo) -> AsyncIterator[Worker]:
    one = Worker(repo, "worker")
    yield one
    await one.end()


@pytest.mark.parametrize("by_name", [False, True], ids=["by task", "by name"])
async def test_a_task_that_was_there_before_works_for_the_owner_that_allows_it(
    repo: Repo, worker: Worker, by_name: bool
):
    async with sandbox(repo) as owner:
        with pytest.raises(OwnershipError, match="task `worker`"):
            await worker.add("Ada")
        owner.allow("worker" if by_name else worker.task)
        assert await worker.add("Ada") == ["Ada"]
        assert await names(repo) == ["Ada"]
    with pytest.raises(OwnershipError, match="has ended, and task `worker`"):
        await worker.add("Bob")
    async with sandbox(repo) as owner:
        owner.allow(worker.task)
        assert await worker.add("Bob") == ["Bob"]


async def test_a_name_may_be_allowed_before_its_task_is_there(repo: Repo):
    async with sandbox(repo) as owner:
        owner.allow("later")
        await asyncio.create_task(repo.insert(Person(name="Ada")), name="later")
        assert await names(repo) == ["Ada"]


@pytest.mark.parametrize("by_name", [False, True], ids=["by task", "by name"])
async def test_a_task_is_taken_from_another_owner_only_when_that_is_said(repo: Repo, worker: Worker, by_name: bool):
    who = "worker" if by_name else worker.task
    async with sandbox(repo, name="first") as first, sandbox(repo, name="second") as second:
        first.allow(who)
        first.allow(who)
        with pytest.raises(OwnershipError, match="`worker` works for the owner `first` already") as caught:
            second.allow(who)
        assert "reassign=True" in str(caught.value)
        assert await worker.add("Ada") == ["Ada"]
        assert await names(repo) == []
        second.allow(who, reassign=True)
        assert await worker.add("Bob") == ["Bob"]
        assert await names(repo) == ["Bob"]


@pytest.mark.parametrize("who", [None, 3, object(), lambda: None])
async def test_what_is_neither_task_nor_name_is_not_allowed(repo: Repo, who: object):
    async with sandbox(repo) as owner:
        with pytest.raises(ConfigError, match="takes a task or the name of one"):
            owner.allow(who)  # type: ignore[arg-type]


async def test_an_owner_that_has_ended_allows_nobody(repo: Repo, worker: Worker):
    async with sandbox(repo) as owner:
        pass
    for use in (lambda: owner.allow(worker.task), owner.header, lambda: owner.active().__enter__()):
        with pytest.raises(OwnershipError, match="has ended"):
            use()


async def test_a_shared_owner_takes_tasks_without_owner_and_no_others(repo: Repo, worker: Worker):
    async with sandbox(repo, shared=True, name="shared") as owner:
        assert owner.shared
        assert await worker.add("Ada") == ["Ada"]
        async with sandbox(repo):
            assert await names(repo) == []
        with pytest.raises(OwnershipError, match="the owner `shared` is shared already"):
            async with sandbox(repo, shared=True):
                pass
        assert await names(repo) == ["Ada"]
    with pytest.raises(OwnershipError, match="has no owner"):
        await worker.add("Bob")
    async with sandbox(repo, shared=True):
        assert await worker.add("Bob") == ["Bob"]


async def test_a_task_of_an_ended_test_does_not_fall_to_a_shared_owner(repo: Repo):
    go = asyncio.Event()

    async def late() -> None:
        await go.wait()
        await repo.insert(Person(name="late"))

    async with sandbox(repo, name="first"):
        task = asyncio.create_task(late(), name="late task")
    async with sandbox(repo, shared=True):
        go.set()
        with pytest.raises(OwnershipError, match="the owner `first` has ended, and task `late task`") as caught:
            await task
        assert "await or cancel the task" in str(caught.value)
        assert await names(repo) == []


async def test_the_end_of_an_owner_waits_for_a_statement_that_is_about_to_end(repo: Repo):
    async with sandbox(repo):
        assert await names(repo) == []
        writing = asyncio.create_task(repo.insert(Person(name="Ada")))
        await asyncio.sleep(0)
    assert (await writing).name == "Ada"


async def test_the_end_of_an_owner_cuts_a_transaction_that_is_left_open(repo: Repo):
    entered, go = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with repo.transaction():
            await repo.insert(Person(name="Ada"))
            entered.set()
            await go.wait()
            await repo.insert(Person(name="Bob"))

    async with asyncio.timeout(SECONDS):
        async with sandbox(repo, name="first"):
            task = asyncio.create_task(hold(), name="holder")
            await entered.wait()
        go.set()
        with pytest.raises(OwnershipError, match="the owner `first` has ended, and task `holder`"):
            await task
        async with sandbox(repo):
            assert await names(repo) == []
            await repo.insert(Person(name="Cleo"))


async def test_an_owner_that_has_lived_its_time_names_itself_and_who_still_works_for_it(repo: Repo):
    async with sandbox(repo, timeout=0.2, name="slow test"):
        await until(lambda: not _alive(repo))
        with pytest.raises(OwnershipError, match=r"the owner `slow test` has lived its 0\.2 s, and task") as caught:
            await names(repo)
        assert "timeout=" in str(caught.value)
        assert "test_an_owner_that_has_lived_its_time" in str(caught.value)
    async with sandbox(repo):
        assert await names(repo) == []


def _alive(repo: Repo) -> bool:
    try:
        repo.pool.report()
    except OwnershipError:
        return False
    return True


LONG = {
    "postgresql": "select pg_sleep(60)",
    "sqlite": "with recursive n(x) as (select 1 union all select x + 1 from n where x < 1e12) select max(x) from n",
}


@pytest.mark.parametrize("in_transaction", [False, True], ids=["alone", "in a transaction"])
async def test_a_statement_that_outlives_its_owner_is_cut_and_told_why(repo: Repo, in_transaction: bool):
    async def run() -> None:
        sql = LONG[repo.adapter.url.partition("://")[0]]
        async with sandbox(repo, timeout=0.3, name="slow test"):
            if not in_transaction:
                await repo.query(sql)  # type: ignore[call-overload]  # its text is ours
            async with repo.transaction():
                await repo.query(sql)  # type: ignore[call-overload]  # as above

    async with asyncio.timeout(SECONDS):
        with pytest.raises(OwnershipError, match=r"`slow test` has lived its 0\.3 s"):
            await run()
    async with sandbox(repo):
        assert await names(repo) == []


async def test_owners_wait_for_each_other_in_the_order_they_came(people_url: str):
    began: list[int] = []

    async def scenario(number: int) -> None:
        async with sandbox(repo):
            began.append(number)
            await repo.insert(Person(name=f"person {number}"))
            assert await names(repo) == [f"person {number}"]

    async with Repo(people_url, pool_size=2, sandbox=True) as repo, asyncio.timeout(SECONDS):
        await asyncio.gather(*(asyncio.create_task(scenario(number)) for number in range(20)))
    # Two begin at a time, and either may be ready first.
    assert sorted(began) == list(range(20))
    assert max(abs(place - number) for place, number in enumerate(began)) <= 2


async def test_an_owner_that_found_no_place_says_who_has_them(people_url: str):
    async with Repo(people_url, pool_size=1, sandbox=True) as repo, sandbox(repo, name="first"):
        with pytest.raises(PoolTimeoutError, match=r"`second` could not begin within 0\.1 s.*`first`") as caught:
            async with sandbox(repo, timeout=0.1, name="second"):
                pass
        assert "pool_size" in str(caught.value)
        assert await names(repo) == []


async def test_an_owner_that_is_cancelled_while_it_waits_takes_no_place(people_url: str):
    async with Repo(people_url, pool_size=1, sandbox=True) as repo, asyncio.timeout(SECONDS):
        waiting = asyncio.Event()

        async def wait() -> None:
            waiting.set()
            async with sandbox(repo):
                pass

        async with sandbox(repo):
            task = asyncio.create_task(wait())
            await waiting.wait()
            await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        async with sandbox(repo):
            assert await names(repo) == []


@pytest.mark.parametrize("turns", range(1, 12, 2))
async def test_an_owner_that_is_cancelled_at_any_moment_leaves_nothing_behind(people_url: str, turns: int):
    async def scenario() -> None:
        async with sandbox(repo):
            await repo.insert(Person(name="Ada"))
            async with repo.transaction():
                await repo.insert(Person(name="Bob"))

    async with Repo(people_url, pool_size=1, sandbox=True) as repo, asyncio.timeout(SECONDS):
        task = asyncio.create_task(scenario())
        for _ in range(turns * 3):
            await asyncio.sleep(0.0002)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        async with sandbox(repo):
            assert await names(repo) == []


async def test_a_repo_that_is_no_sandbox_is_refused(people_url: str):
    async with Repo(people_url) as plain:
        with pytest.raises(ConfigError, match=r"is no sandbox: what it does is stored") as caught:
            async with sandbox(plain):
                pass
    assert "Repo(url, sandbox=True)" in str(caught.value)


@pytest.mark.parametrize("repo", ["sqlite:///x.db", None, 3])
async def test_what_is_no_repo_is_refused(repo: object):
    with pytest.raises(ConfigError, match="is no sandbox"):
        async with sandbox(repo):  # type: ignore[arg-type]
            pass


def test_a_database_in_memory_is_refused():
    with pytest.raises(ConfigError, match="cannot be a sandbox") as caught:
        Repo("sqlite:///:memory:", sandbox=True)
    assert "sqlite:///test.db" in str(caught.value)


@pytest.mark.parametrize("timeout", [0, -1.0, float("nan"), float("inf"), "a minute", None])
async def test_a_time_that_is_none_is_refused(repo: Repo, timeout: float):
    with pytest.raises(ConfigError, match="is no time that an owner could live"):
        async with sandbox(repo, timeout=timeout):
            pass


async def test_an_isolation_that_does_not_exist_is_refused(repo: Repo):
    with pytest.raises(ConfigError, match="is no isolation level"):
        async with sandbox(repo, isolation="serialisable"):  # type: ignore[arg-type]
            pass


async def test_a_copy_is_serializable_and_says_so(sqlite_people: str):
    async with Repo(sqlite_people, sandbox=True) as repo:
        with pytest.raises(UnsupportedError, match=r"'read committed' is not what the sandbox can do on SQLite"):
            async with sandbox(repo, isolation="read committed"):
                pass
        async with sandbox(repo, isolation="serializable") as owner:
            assert owner.isolation == "serializable"


async def test_an_owner_inside_an_open_transaction_is_refused(repo: Repo):
    async with sandbox(repo, name="first") as first, repo.transaction():
        with pytest.raises(OwnershipError, match="inside an open transaction of the owner `first`"):
            async with sandbox(repo):
                pass
        with first.active():
            assert await names(repo) == []


async def test_an_owner_may_be_opened_in_one_task_and_used_and_ended_in_others(repo: Repo):
    ready: asyncio.Future[Owner] = asyncio.get_running_loop().create_future()
    done = asyncio.Event()

    async def fixture() -> None:
        async with sandbox(repo) as owner:
            ready.set_result(owner)
            await done.wait()

    async def test(owner: Owner) -> None:
        with owner.active():
            await repo.insert(Person(name="Ada"))
            assert await names(repo) == ["Ada"]
        with pytest.raises(OwnershipError, match="has no owner"):
            await names(repo)

    async with asyncio.timeout(SECONDS):
        holder = asyncio.create_task(fixture())
        await asyncio.create_task(test(await ready))
        done.set()
        await holder


async def test_a_repo_without_sandbox_beside_it_stores_what_later_owners_see(fresh_postgres_url: str, tmp_path: Path):
    for url in (fresh_postgres_url, f"sqlite:///{tmp_path / 'shared.db'}"):
        await create_tables(url)
        async with Repo(url) as outside, Repo(url, sandbox=True) as repo:
            await outside.insert(Person(name="seed"))
            async with sandbox(repo):
                await repo.insert(Person(name="Ada"))
                assert await names(repo) == ["Ada", "seed"]
                assert await names(outside) == ["seed"]
            assert await names(outside) == ["seed"]


async def test_two_repos_have_an_owner_each(people_url: str):
    async with Repo(people_url, sandbox=True) as first, Repo(people_url, sandbox=True) as second:
        async with sandbox(first), sandbox(second):
            await first.insert(Person(name="Ada"))
            assert await names(second) == []
            await second.insert(Person(name="Bob"))
            assert await names(first) == ["Ada"]
        async with sandbox(first):
            with pytest.raises(OwnershipError, match="has no owner"):
                await names(second)


async def test_closing_the_repo_ends_its_owners(people_url: str):
    repo = Repo(people_url, sandbox=True)
    await repo.open()
    async with sandbox(repo) as owner, asyncio.timeout(SECONDS):
        await repo.insert(Person(name="Ada"))
        await repo.close()
        assert re.search("has ended", repr(owner))
        with pytest.raises(OwnershipError, match="has ended"):
            await names(repo)
    with pytest.raises(ConnectError, match="closed"):
        async with sandbox(repo):
            pass


async def test_copies_of_the_template_are_deleted(sqlite_people: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    async with Repo(sqlite_people, sandbox=True) as repo:
        async with sandbox(repo):
            await repo.insert(Person(name="Ada"))
            assert len(list(tmp_path.rglob("people.db"))) == 1
        assert list(tmp_path.iterdir()) == []


@pytest.mark.postgres
async def test_a_lost_connection_ends_the_owner_and_not_the_next_one(postgres_repo: Repo, postgres_people: str):
    async with Repo(postgres_people) as outside:
        async with sandbox(postgres_repo, name="first"):
            pid = (await postgres_repo.query("select pg_backend_pid()")).rows[0][0]
            await outside.query("select pg_terminate_backend({})", pid)
            with pytest.raises(ConnectError):
                await names(postgres_repo)
            with pytest.raises(ConnectError, match="the connection of the owner `first` was lost"):
                await names(postgres_repo)
        async with sandbox(postgres_repo):
            assert await names(postgres_repo) == []

"""Repos chosen at run time: one for each key, opened once, closed when others need the room, never while in use."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from ectype import ReadRepo, Repo, Repos, telemetry
from ectype.errors import ConfigError, ConnectError, PoolTimeoutError
from ectype.telemetry import RepoEvent

SECONDS = 20.0


@pytest.fixture
def make(tmp_path: Path) -> Callable[[str], Repo]:
    return lambda tenant: Repo(f"sqlite:///{tmp_path / tenant}.db", pool_size=2, name=tenant)


async def tenant_of(repo: Repo) -> str:
    """Return what the database itself says of whose it is."""
    await repo.query("create table if not exists whose (name text)")
    if not (await repo.query("select name from whose")).rows:
        await repo.query("insert into whose values ({})", repo.name)
    return str((await repo.query("select name from whose")).rows[0][0])


async def test_each_key_has_a_database_of_its_own_that_is_opened_once(make: Callable[[str], Repo]):
    opened: list[RepoEvent] = []
    with telemetry.attach("ectype.repo.opened", opened.append):
        async with Repos(make) as repos:

            async def ask(tenant: str) -> tuple[str, int]:
                async with repos.use(tenant) as repo:
                    await asyncio.sleep(0)
                    return await tenant_of(repo), id(repo)

            found = await asyncio.gather(*(ask(tenant) for tenant in "abcabcabc"))
            assert repos.keys == ("a", "b", "c")
    assert [name for name, _ in found] == list("abcabcabc")
    assert len({number for _, number in found}) == 3
    assert sorted(event.repo for event in opened) == ["a", "b", "c"]


async def test_on_both_databases_a_repo_is_used_as_any_other(blog_url: str):
    async with Repos(lambda _key: Repo(blog_url)) as repos, repos.use("one") as repo, repo.transaction():
        assert (await repo.query("select 1")).rows == [(1,)]
    with pytest.raises(ConnectError, match="is closed"):
        await repo.query("select 1")


async def test_for_one_more_the_one_unused_longest_is_closed_and_opened_again_later(make: Callable[[str], Repo]):
    async with Repos(make, limit=2) as repos:
        held: dict[str, Repo] = {}
        for tenant in "abac":
            async with repos.use(tenant) as repo:
                held[tenant] = repo
                assert await tenant_of(repo) == tenant
        assert repos.keys == ("a", "c")
        with pytest.raises(ConnectError, match="is closed"):
            await held["b"].query("select 1")
        async with repos.use("b") as repo:
            assert await tenant_of(repo) == "b"
        assert repos.keys == ("c", "b")


async def test_one_in_use_is_never_closed_and_the_next_waits_for_room(make: Callable[[str], Repo]):
    async with Repos(make, limit=1) as repos:
        async with repos.use("a") as a:

            async def other() -> str:
                async with repos.use("b") as b:
                    return await tenant_of(b)

            waiting = asyncio.create_task(other())
            await asyncio.sleep(0.05)
            assert not waiting.done()
            assert await tenant_of(a) == "a"
            async with repos.use("a") as again:
                assert again is a
        assert await asyncio.wait_for(waiting, SECONDS) == "b"


async def test_while_all_are_in_use_the_wait_ends_with_an_error_that_names_them(tmp_path: Path):
    def make(tenant: str) -> Repo:
        return Repo(f"sqlite:///{tmp_path / tenant}.db")

    async with Repos(make, limit=2, timeout=0.1) as repos, repos.use("a"), repos.use("b"):
        with pytest.raises(
            PoolTimeoutError, match=r"all 2 repos .* within 0\.1 s: Repo\('sqlite.*a\.db'\), Repo"
        ) as caught:
            async with repos.use("c"):
                pass
        assert "limit=" in str(caught.value.hint)
        assert repos.keys == ("a", "b")


async def test_a_database_that_cannot_be_reached_is_told_to_all_who_asked_and_tried_again(tmp_path: Path):
    folder = tmp_path / "later"
    async with Repos(lambda name: Repo(f"sqlite:///{folder / name}.db"), limit=1) as repos:

        async def ask() -> None:
            async with repos.use("a") as repo:
                await repo.query("select 1")

        errors = await asyncio.gather(ask(), ask(), return_exceptions=True)
        assert [error.__class__ for error in errors] == [ConnectError, ConnectError]
        assert errors[0] is not errors[1]
        assert repos.keys == ()
        folder.mkdir()
        await ask()


async def test_what_make_raises_reaches_the_caller_and_takes_no_room(make: Callable[[str], Repo]):
    def known(tenant: str) -> Repo:
        return make({"a": "a"}[tenant])

    async with Repos(known, limit=1) as repos:
        for _ in range(3):
            with pytest.raises(KeyError):
                async with repos.use("nobody"):
                    pass
        async with repos.use("a") as repo:
            assert await tenant_of(repo) == "a"


async def test_a_caller_that_is_cancelled_while_it_opens_or_waits_leaves_room_and_the_others_alone(
    make: Callable[[str], Repo],
):
    async with Repos(make, limit=2) as repos:

        async def ask(tenant: str) -> str:
            async with repos.use(tenant) as repo:
                return await tenant_of(repo)

        for steps in range(8):
            tasks = [asyncio.create_task(ask(tenant)) for tenant in ("a", "a", "b", "c", "d")]
            for _ in range(steps):
                await asyncio.sleep(0)
            for task in tasks[::2]:
                task.cancel()
            found = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), SECONDS)
            assert found[1::2] == ["a", "c"]
        assert len(repos.keys) <= 2


async def test_a_database_in_memory_is_not_closed_to_make_room():
    async with Repos(lambda name: Repo("sqlite:///:memory:", name=name), limit=1, timeout=0.05) as repos:
        async with repos.use("a") as repo:
            await tenant_of(repo)
        with pytest.raises(PoolTimeoutError):
            async with repos.use("b"):
                pass
        async with repos.use("a") as repo:
            assert (await repo.query("select name from whose")).rows == [("a",)]


async def test_closing_ends_those_who_wait_and_those_who_open_and_refuses_what_comes_later(make: Callable[[str], Repo]):
    repos = Repos(make, limit=1)
    entered = asyncio.Event()

    async def hold() -> None:
        async with repos.use("a") as repo:
            entered.set()
            with suppress(ConnectError):
                while True:
                    await repo.query("select 1")

    async def ask() -> None:
        async with repos.use("b"):
            pass

    tasks = [asyncio.create_task(hold())]
    await entered.wait()
    tasks.append(asyncio.create_task(ask()))
    await asyncio.sleep(0.01)
    async with asyncio.timeout(SECONDS):
        await repos.close()
        await repos.close()
        held, waited = await asyncio.gather(*tasks, return_exceptions=True)
    assert held is None
    assert isinstance(waited, ConnectError)
    with pytest.raises(ConnectError, match="these repos are closed"):
        await ask()


async def test_a_transaction_of_the_first_caller_is_no_affair_of_the_others(make: Callable[[str], Repo]):
    async with Repos(make) as repos, repos.use("a") as a, a.transaction():
        async with repos.use("b") as b:
            assert not b.in_transaction
            assert await tenant_of(b) == "b"
        assert a.in_transaction


async def test_repos_that_only_read_keep_their_kind(blog_url: str):
    repos: Repos[int, ReadRepo] = Repos(lambda _key: ReadRepo(blog_url))
    async with repos, repos.use(1) as repo:
        assert type(repo) is ReadRepo


@pytest.mark.parametrize(
    "options", [{"limit": 0}, {"limit": True}, {"limit": 1.5}, {"timeout": -1}, {"timeout": float("nan")}]
)
def test_a_limit_or_a_time_that_is_none_is_refused(options: dict[str, float]):
    with pytest.raises(ConfigError):
        Repos(lambda _key: Repo("sqlite:///:memory:"), **options)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def test_a_make_that_returns_something_else_is_refused():
    async with Repos(lambda key: key) as repos:  # type: ignore[type-var, return-value, arg-type]  # pyright: ignore
        with pytest.raises(ConfigError, match="returned a str"):
            async with repos.use("a"):
                pass


@pytest.mark.parametrize("first", ["with options", "the same"])
async def test_a_make_that_returns_what_others_use_is_refused_and_closes_nothing(blog_url: str, first: str):
    async with Repo(blog_url) as shared:
        give = shared.with_options(tags={"tenant": "a"}) if first == "with options" else shared
        async with Repos(lambda _key: give) as repos:
            if first == "the same":
                # Only the second key tells that it is no repo of the first alone.
                async with repos.use("a"):
                    with pytest.raises(ConfigError, match="shares its connections"):
                        async with repos.use("b"):
                            pass
                return
            for _ in range(2):
                with pytest.raises(ConfigError, match="shares its connections") as caught:
                    async with repos.use("a"):
                        pass
            assert "with_options(prefix=tenant)" in str(caught.value)
            assert repos.keys == ()
        assert (await shared.query("select 1")).rows == [(1,)]

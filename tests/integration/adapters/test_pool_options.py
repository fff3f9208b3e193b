"""What can be said about a pool: in the repo's keywords, in its URL, and what is refused."""

import asyncio
import math
from typing import Any

import pytest

from ectype import Repo, telemetry
from ectype.adapters.pool_options import PoolOptions
from ectype.adapters.registry import adapter_for
from ectype.errors import ConfigError, ConnectError
from tests.integration.adapters.pools import opened, settled

SECRET = "t0ken-canary"


def with_option(url: str, option: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{option}"


# -- names and bounds --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("pool_size", 0, "pool_size is 0"),
        ("pool_size", 2.5, "pool_size is 2.5"),
        ("pool_size", True, "pool_size is True"),
        ("pool_size", "10", "pool_size is '10'"),
        ("queue_target", 0, "queue_target is 0"),
        ("queue_interval", -1, "queue_interval is -1"),
        ("queue_interval", None, "queue_interval is None"),
        ("connect_timeout", math.nan, "connect_timeout is nan"),
        ("connect_timeout", "5", "connect_timeout is '5'"),
        ("pool_timeout", -1, "pool_timeout is -1"),
        ("pool_timeout", False, "pool_timeout is False"),
        ("idle_check", -0.1, "idle_check is -0.1"),
        ("idle_check", math.inf, "idle_check is inf"),
        ("max_idle", 0, "max_idle is 0"),
        ("max_lifetime", math.inf, "max_lifetime is inf"),
        ("hold_warning", True, "hold_warning is True"),
        ("backoff", (1, 0.5), "backoff is (1, 0.5)"),
        ("backoff", (0, 1), "backoff is (0, 1)"),
        ("backoff", 1, "backoff is 1"),
        ("backoff", (1, math.inf), "backoff is (1, inf)"),
        ("after_connect", "SET ROLE reader", "after_connect is 'SET ROLE reader'"),
        ("password", "secret", "`password=` is no function"),
    ],
)
def test_an_option_out_of_bounds_is_refused_with_the_fix(option, value, said):
    with pytest.raises(ConfigError) as caught:
        Repo("postgresql://ada@db/blog", **{option: value})
    assert said in caught.value.message
    assert caught.value.hint


def test_an_option_that_does_not_exist_is_a_type_error():
    with pytest.raises(TypeError, match="queue_targets"):
        Repo("sqlite://", **{"queue_targets": 1})


def test_the_url_is_stronger_than_the_keywords_and_reaches_every_option(tmp_path):
    said = {
        "pool_size": ("7", 7),
        "queue_target": ("0.2", 0.2),
        "queue_interval": ("3", 3.0),
        "pool_timeout": ("1.5", 1.5),
        "connect_timeout": ("4", 4.0),
        "idle_check": ("0", 0.0),
        "max_idle": ("60", 60.0),
        "max_lifetime": ("600", 600.0),
        "hold_warning": ("9", 9.0),
    }
    url = f"sqlite:///{tmp_path / 'x.db'}?timeout=2.5&" + "&".join(f"{name}={text}" for name, (text, _) in said.items())
    repo = Repo(url, pool_size=3, queue_target=1.0, timeout=99, backoff=(0.1, 0.2))
    options = repo.pool._options
    assert repo._session.timeout == 2.5
    assert {name: getattr(options, "size" if name == "pool_size" else name) for name in said} == {
        name: value for name, (_, value) in said.items()
    }
    assert options.backoff == (0.1, 0.2)
    assert repo.pool.report().size == 7


def test_what_is_not_said_is_as_documented():
    assert Repo("postgresql://db/blog").pool._options == PoolOptions()
    assert Repo("postgresql://db/blog?connect_timeout=0").pool._options.connect_timeout == 5


async def test_options_of_the_url_are_no_settings_of_the_server(database_url):
    async with Repo(with_option(database_url, "pool_size=2&idle_check=0&max_idle=1")) as repo:
        await asyncio.gather(*(repo.query("SELECT 1") for _ in range(5)))
        assert repo.pool.report().size == 2


# -- after_connect -----------------------------------------------------------------------------------------------------


async def test_after_connect_prepares_each_connection_and_again_after_a_reset(database_url):
    prepared: list[Any] = []

    async def prepare(connection: Any) -> None:
        prepared.append(connection)
        await connection.script("CREATE TEMPORARY TABLE mine (id integer); INSERT INTO mine VALUES (1)")

    async with opened(adapter_for(database_url), size=2, after_connect=prepare) as pool:
        taken = [await pool.acquire(5) for _ in range(2)]
        assert {*prepared} == {*taken}
        pool.release(taken[0])
        pool.release(taken[1], reset=True)
        await settled(pool)
        assert len(prepared) == 3
        for _ in range(2):
            connection = await pool.acquire(5)
            assert [tuple(row) for row in await connection.fetch("SELECT id FROM mine", (), list)] == [(1,)]


@pytest.mark.postgres
async def test_after_connect_may_take_a_role_that_holds_for_all_statements(fresh_postgres_url):
    async with Repo(
        fresh_postgres_url, pool_size=1, after_connect=lambda connection: connection.execute("SET ROLE pg_monitor")
    ) as repo:
        for _ in range(3):
            assert (await repo.query("SELECT current_user::text")).rows[0][0] == "pg_monitor"


@pytest.mark.parametrize("how", ["fails", "is slow", "leaves a transaction"])
async def test_a_connection_that_could_not_be_prepared_is_closed_and_its_caller_told(database_url, how):
    seen: list[Any] = []

    async def prepare(connection: Any) -> None:
        seen.append(connection)
        if how == "fails":
            await connection.execute("SELECT no_such_column")
        elif how == "is slow":
            await asyncio.sleep(60)
        else:
            await connection.script("BEGIN")

    said = {
        "fails": "`after_connect` of `careful` failed",
        "is slow": "took longer than `connect_timeout`",
        "leaves a transaction": "left a transaction open",
    }
    failures: list[telemetry.PoolConnectionError] = []
    with telemetry.attach("ectype.pool.connection_error", failures.append), pytest.raises(ConnectError) as caught:
        async with Repo(database_url, name="careful", after_connect=prepare, connect_timeout=0.5):
            pass
    assert said[how] in caught.value.message
    assert seen[0].broken
    assert [(one.repo, one.failures) for one in failures] == [("careful", 1)]


# -- passwords of the moment -------------------------------------------------------------------------------------------


@pytest.mark.postgres
@pytest.mark.parametrize("kind", ["plain", "async"])
async def test_a_password_function_is_asked_at_each_new_connection(fresh_postgres_url, kind):
    asked: list[int] = []

    def plain() -> str:
        asked.append(1)
        return SECRET

    async def slow() -> str:
        await asyncio.sleep(0.001)
        return plain()

    async with Repo(fresh_postgres_url, pool_size=2, password=plain if kind == "plain" else slow) as repo:
        assert len(asked) == 1
        await asyncio.gather(*(repo.query("SELECT pg_sleep(0.05)") for _ in range(2)))
        assert len(asked) == 2
        repo.pool.disconnect_all()
        await repo.query("SELECT 1")
        assert len(asked) == 3
        assert SECRET not in repr(repo)
        assert SECRET not in repr(repo.pool.report())


@pytest.mark.parametrize(
    ("returned", "said"),
    [(ValueError(f"no {SECRET}"), "raised ValueError"), (None, "returned NoneType"), (b"x", "returned bytes")],
)
async def test_a_password_function_that_fails_is_told_without_what_it_says(returned, said):
    def password() -> Any:
        if isinstance(returned, Exception):
            raise returned
        return returned

    with pytest.raises((ConnectError, ConfigError)) as caught:
        async with Repo("postgresql://ada@127.0.0.1:1/blog", password=password):
            pass
    assert said in caught.value.message
    assert SECRET not in str(caught.value)


async def test_a_password_function_that_hangs_is_cut_at_the_connect_timeout():
    async def password() -> str:
        await asyncio.sleep(60)
        return SECRET

    with pytest.raises(ConnectError, match="raised TimeoutError"):
        async with asyncio.timeout(20), Repo("postgresql://ada@db/blog", password=password, connect_timeout=0.2):
            pass


@pytest.mark.parametrize("url", ["sqlite:///x.db", f"postgresql://ada:{SECRET}@db/blog"])
def test_a_second_password_is_refused_and_not_shown(url):
    with pytest.raises(ConfigError) as caught:
        Repo(url, password=lambda: SECRET)
    assert SECRET not in str(caught.value)


# -- events ------------------------------------------------------------------------------------------------------------


async def test_the_life_of_a_connection_is_told_from_its_first_moment_to_its_last(database_url):
    told: list[Any] = []
    with (
        telemetry.attach("ectype.pool.connected", told.append),
        telemetry.attach("ectype.pool.disconnected", told.append),
    ):
        async with Repo(database_url, pool_size=2, name="told") as repo:
            connection = await repo.pool.acquire(5)
            other = await repo.pool.acquire(5)
            other.terminate()
            repo.pool.release(other)
            repo.pool.release(connection)
    assert [(type(one).__name__, one.repo, one.connections) for one in told] == [
        ("PoolConnected", "told", 1),
        ("PoolConnected", "told", 2),
        ("PoolDisconnected", "told", 1),
        ("PoolDisconnected", "told", 0),
    ]
    assert [one.reason for one in told[2:]] == ["lost", "closed"]
    assert all(one.seconds > 0 for one in told[:2])


async def test_a_handler_that_raises_hinders_no_call(database_url):
    def refuse(_event: object) -> None:
        raise ValueError("not today")

    with telemetry.attach("ectype.pool.connected", refuse), pytest.warns(RuntimeWarning, match="was detached"):
        async with Repo(database_url) as repo:
            await repo.query("SELECT 1")

"""The database itself, made, found and removed from code, on a real server and as a file."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from ectype import Repo
from ectype.adapters.registry import adapter_for
from ectype.errors import ConfigError, ConnectError, DatabaseError, UnsupportedError
from ectype.migrations import storage
from tests.databases import PostgresServer, with_database


@pytest.fixture(params=[pytest.param("postgres", marks=pytest.mark.postgres), "sqlite"])
async def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """A database that does not exist yet, on each adapter; gone afterwards."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'new.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url = with_database(server.url(), f"ectype_test_{uuid.uuid4().hex[:12]}")
    yield url
    await storage.drop(url, force=True)


def on_a_server(test: Callable[..., object]) -> Callable[..., object]:
    """Let a test run on PostgreSQL alone."""
    return pytest.mark.postgres(pytest.mark.parametrize("new_url", ["postgres"], indirect=True)(test))


async def shown(url: str, sql: str) -> list[object]:
    connection = await adapter_for(url).connect(10)
    try:
        rows: list[object] = await connection.fetch(sql, (), lambda found: list(found[0]))
    finally:
        await connection.close()
    return rows


async def test_its_state_follows_what_is_done_to_it(new_url: str):
    assert await storage.status(new_url) == "down"
    assert await storage.create(new_url) == "created"
    assert await storage.status(new_url) == "up"
    assert await storage.create(new_url) == "exists"
    assert await storage.drop(new_url) == "dropped"
    assert await storage.status(new_url) == "down"
    assert await storage.drop(new_url) == "missing"


async def test_of_many_who_make_it_at_once_none_fails(new_url: str):
    outcomes = await asyncio.gather(*(storage.create(new_url) for _ in range(4)))
    assert set(outcomes) <= {"created", "exists"}
    assert await storage.status(new_url) == "up"


@on_a_server
async def test_it_is_in_utf8_and_has_utc_for_its_time_zone(new_url: str):
    await storage.create(new_url)
    server = await shown(new_url, "SELECT current_setting('server_encoding')")
    # What it says of itself, and not what our connections ask for.
    said = await shown(
        new_url,
        "SELECT setconfig::text FROM pg_db_role_setting JOIN pg_database ON pg_database.oid = setdatabase "
        "WHERE datname = current_database() AND setrole = 0",
    )
    assert (server, said) == (["UTF8"], ["{TimeZone=UTC}"])


@on_a_server
async def test_it_begins_as_a_copy_of_its_template(new_url: str, postgres_server: PostgresServer):
    template = postgres_server.create_database()
    name = storage.database_name(template)
    try:
        async with Repo(template) as repo:
            await repo.query("CREATE TABLE there_already (id integer)")
            with pytest.raises(ConnectError, match=f"`{name}` is not copied: others are connected to it"):
                await storage.create(new_url, template=name)
        assert await storage.status(new_url) == "down"
        assert await storage.create(new_url, template=name) == "created"
        assert await shown(new_url, "SELECT count(*) FROM there_already") == [0]
        assert await storage.create(new_url, template="nobody") == "exists"
    finally:
        postgres_server.drop_database(template)


@on_a_server
async def test_it_sorts_text_as_its_locale_says(new_url: str):
    assert await storage.create(new_url, locale="C") == "created"
    asked = "SELECT datcollate::text, datctype::text FROM pg_database WHERE datname = current_database()"
    assert await shown(new_url, asked) == ["C", "C"]


@on_a_server
@pytest.mark.parametrize(
    ("given", "message"),
    [({"template": 'no"body'}, 'no"body'), ({"locale": "xx_XX'; --"}, "locale")],
    ids=["template", "locale"],
)
async def test_what_the_server_does_not_have_is_its_error_and_nothing_is_made(
    new_url: str, given: dict[str, str], message: str
):
    with pytest.raises(DatabaseError, match=message):
        await storage.create(new_url, **given)
    assert await storage.status(new_url) == "down"


@pytest.mark.parametrize("given", [{"template": "maps"}, {"locale": "C"}], ids=["template", "locale"])
async def test_a_file_has_neither_template_nor_locale(tmp_path: Path, given: dict[str, str]):
    url = f"sqlite:///{tmp_path / 'new.db'}"
    with pytest.raises(UnsupportedError, match=rf"{next(iter(given))}='.*' is for a server"):
        await storage.create(url, **given)
    assert await storage.status(url) == "down"


@on_a_server
async def test_who_may_make_none_is_told_that_it_is_there(new_url: str, postgres_server: PostgresServer):
    role = f"ectype_poor_{uuid.uuid4().hex[:8]}"
    poor = f"{new_url}{'&' if '?' in new_url else '?'}options=-c%20role%3D{role}"
    connection = await adapter_for(postgres_server.url()).connect(10)
    try:
        await connection.script(f"CREATE ROLE {role}")
        with pytest.raises(DatabaseError, match="permission denied to create database"):
            await storage.create(poor)
        await storage.create(new_url)
        assert await storage.create(poor) == "exists"
        assert await storage.status(poor) == "up"
    finally:
        await connection.script(f"DROP ROLE {role}")
        await connection.close()


@on_a_server
async def test_it_is_dropped_under_others_only_when_that_is_said(new_url: str):
    await storage.create(new_url)
    async with Repo(new_url) as repo:
        with pytest.raises(ConnectError, match="is not dropped: others are connected to it") as caught:
            await storage.drop(new_url)
        assert "force=True" in str(caught.value.hint)
        assert (await repo.query("select 1")).rows == [(1,)]
        assert await storage.drop(new_url, force=True) == "dropped"
    assert await storage.status(new_url) == "down"


async def test_a_file_goes_with_all_that_lies_beside_it(tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'new.db'}"
    async with Repo(url) as repo:
        await repo.query("create table a (x)")
        assert {path.name for path in tmp_path.iterdir()} >= {"new.db", "new.db-wal"}
        assert await storage.drop(url) == "dropped"
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("call", [storage.status, storage.create, storage.drop])
@pytest.mark.parametrize(
    ("url", "error", "message"),
    [
        ("sqlite:///:memory:", UnsupportedError, "in memory"),
        ("postgresql://localhost", ConfigError, "names no database"),
        ("mysql://localhost/blog", ConfigError, "mysql"),
    ],
)
async def test_what_names_no_database_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    call: Callable[[str], Awaitable[object]],
    url: str,
    error: type[Exception],
    message: str,
):
    monkeypatch.delenv("PGDATABASE", raising=False)
    with pytest.raises(error, match=message):
        await call(url)

"""A real pgbouncer in transaction mode: found at connect, no session touched, and what needs one goes around it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from ectype import migrations
from ectype.adapters.base import Begin
from ectype.adapters.registry import adapter_for
from ectype.errors import ConfigError, DatabaseError, UnsupportedError
from ectype.repo.repo import Repo
from tests.pgbouncer import needs_named_statements, needs_pgbouncer, pooled

pytestmark = [pytest.mark.postgres, needs_pgbouncer]


@pytest.fixture
def pooler_url(fresh_postgres_url: str) -> Iterator[str]:
    with pooled(fresh_postgres_url) as url:
        yield url


async def work(repo: Repo, worker: int) -> None:
    """Do what an application does, so that every statement may meet another server."""
    for number in range(10):
        key = worker * 1_000 + number
        await repo._session.execute("INSERT INTO notes VALUES ($1, $2, 'good')", (key, f"note {key}"))
        [(body, mood)] = await repo._session.fetch("SELECT body, mood FROM notes WHERE id = $1", (key,), list)
        assert (body, mood) == (f"note {key}", "good")
        async with repo.transaction():
            await repo._session.execute("UPDATE notes SET body = $2 WHERE id = $1", (key, "changed"))
            assert await repo._session.fetch("SELECT body FROM notes WHERE id = $1", (key,), list) == [("changed",)]
        await repo._session.fetch_many("UPDATE notes SET mood = $2 WHERE id = $1 RETURNING id", [(key, "bad")], list)
        assert (await repo.query("select mood::text from notes where id = {}::int", key)).rows == [("bad",)]
        rows = [(key + 500, "copied", "bad")]
        assert await repo._session.copy_in("notes", ("id", "body", "mood"), rows) == 1


@pytest.mark.parametrize("prepare", [None, "unnamed"])
async def test_many_tasks_share_few_servers_without_an_error(pooler_url, fresh_postgres_url, prepare):
    async with Repo(pooler_url, pool_size=10, prepare=prepare) as repo:
        await repo._session.script(
            "CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE TABLE notes (id int PRIMARY KEY, body text, mood mood)"
        )
        await asyncio.gather(*(work(repo, worker) for worker in range(10)))
        [(count,)] = await repo._session.fetch("SELECT count(*) FROM notes", (), list)
        assert count == 200
        # Every server of the pooler is as it was: no setting, no lock, no prepared statement under a name.
        async with asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(check_server(pooler_url))


async def check_server(url: str) -> None:
    connection = await adapter_for(url, prepare="unnamed").connect(5)
    await connection.begin(Begin())
    asked = (
        "SELECT current_setting('jit'), (SELECT count(*) FROM pg_prepared_statements WHERE name <> ''),"
        " (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'), pg_sleep(0.05)"
    )
    [(jit, prepared, locks, _)] = await connection.fetch(asked, (), list)
    assert (jit, prepared, locks) == ("on", 0, 0)
    await connection.rollback()
    await connection.close()


@pytest.fixture
def keeping_url(fresh_postgres_url: str) -> Iterator[str]:
    """A pooler that keeps prepared statements."""
    with pooled(fresh_postgres_url, statements=20) as url:
        yield url


@needs_named_statements
@pytest.mark.parametrize("prepare", [None, "unnamed", "named"])
async def test_a_pooler_that_keeps_statements_is_found_too_and_may_be_trusted_with_names(keeping_url, prepare):
    async with Repo(keeping_url, pool_size=10, prepare=prepare) as repo:
        await repo._session.script(
            "CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE TABLE notes (id int PRIMARY KEY, body text, mood mood)"
        )
        await asyncio.gather(*(work(repo, worker) for worker in range(10)))
        [(count,)] = await repo._session.fetch("SELECT count(*) FROM notes", (), list)
        assert count == 200
        names = "SELECT count(*) FROM pg_prepared_statements WHERE name <> ''"
        kept = sum([await repo._session.fetch(names, (), lambda rows: rows[0][0]) for _ in range(10)])
        assert (kept > 0) == (prepare == "named")
        connection = await repo.adapter.connect(5)
        with pytest.raises(UnsupportedError, match="pooler"):
            await connection.script("SET search_path = tenant_a")
        await connection.close()
        with pytest.raises(UnsupportedError, match="transaction mode"):
            await repo.adapter.connect_session(5)


@needs_named_statements
async def test_after_a_column_has_changed_its_type_new_connections_read_it_right(keeping_url):
    """Those that were there decode what another server prepared anew as they remember it; see `docs/postgresql.md`."""
    async with Repo(keeping_url, pool_size=4, prepare="named") as repo:
        await repo._session.script("CREATE TABLE notes (id int PRIMARY KEY, body text)")
        await repo._session.execute("INSERT INTO notes VALUES (1, '2')")
        read = "SELECT id, body FROM notes WHERE id = $1"
        asked = [repo._session.fetch(read, (1,), list) for _ in range(12)]
        assert await asyncio.gather(*asked) == [[(1, "2")]] * 12
        await repo._session.script(
            "ALTER TABLE notes ALTER COLUMN body TYPE bigint USING body::bigint, ALTER COLUMN id TYPE bigint"
        )
        repo.pool.disconnect_all()
        for _ in range(3):
            asked = [repo._session.fetch(read, (1,), list) for _ in range(12)]
            assert await asyncio.gather(*asked) == [[(1, 2)]] * 12
        assert await repo._session.fetch(read, (2**40,), list) == []


async def test_the_one_private_member_of_the_driver_is_still_there(fresh_postgres_url):
    connection = await adapter_for(fresh_postgres_url).connect(5)
    assert connection.driver._server_caps.jit is True
    await connection.close()
    connection = await adapter_for(fresh_postgres_url, prepare="unnamed").connect(5)
    assert connection.driver._server_caps.jit is False
    await connection.close()


async def test_named_statements_are_what_breaks_there(fresh_postgres_url):
    """The reason for it all: a pooler that keeps no names runs a statement where it was not prepared."""
    with pooled(fresh_postgres_url, servers=2) as url:
        adapter = adapter_for(url, prepare="named")
        ours, *others = [await adapter.connect(5) for _ in range(3)]
        asked = "SELECT pg_backend_pid(), $1::int"
        await ours.begin(Begin())
        [(prepared_at, _)] = await ours.fetch(asked, (1,), list)
        await ours.commit()
        for other in others:
            await other.begin(Begin())
            if await other.fetch("SELECT pg_backend_pid()", (), list) == [(prepared_at,)]:
                break
        with pytest.raises(DatabaseError, match="does not exist"):
            await ours.fetch(asked, (1,), list)
        for connection in (ours, *others):
            connection.terminate()


@pytest.mark.parametrize(
    "sql",
    [
        "SET search_path = tenant_a",
        "set session characteristics as transaction read only",
        "SELECT 1; SET ROLE postgres",
        "RESET ALL",
        "LISTEN news",
        "PREPARE q AS SELECT 1",
        "DISCARD ALL",
        "CREATE TEMP TABLE t (id int)",
        "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
        "SELECT pg_advisory_lock(1)",
        "SELECT pg_try_advisory_lock_shared(1)",
        "SELECT set_config('search_path', 'tenant_a', false)",
    ],
)
async def test_text_that_would_change_another_clients_session_is_refused_by_name(pooler_url, sql):
    connection = await adapter_for(pooler_url).connect(5)
    for run in (connection.script(sql), connection.query(sql, (), lambda *_: None)):
        with pytest.raises(UnsupportedError, match="pooler") as caught:
            await run
        assert "direct_url" in str(caught.value.hint)
    await connection.close()


@pytest.mark.parametrize(
    "sql",
    [
        "BEGIN; SET LOCAL search_path = public; COMMIT",
        "SET TRANSACTION READ ONLY",
        "SELECT pg_advisory_xact_lock(1)",
        "SELECT set_config('search_path', 'public', true)",
        "CREATE TABLE settings (id int); UPDATE settings SET id = 1",
    ],
)
async def test_text_that_changes_a_transaction_alone_is_let_through(pooler_url, sql):
    connection = await adapter_for(pooler_url).connect(5)
    await connection.script(sql)
    await connection.close()


async def test_a_session_of_its_own_is_refused_through_a_pooler_and_made_around_it(pooler_url, fresh_postgres_url):
    for prepare in (None, "unnamed", "named"):
        with pytest.raises(UnsupportedError, match="transaction mode") as caught:
            await adapter_for(pooler_url, prepare=prepare).connect_session(5)
        assert "direct_url" in str(caught.value.hint)
    around = adapter_for(pooler_url, direct_url=fresh_postgres_url)
    connection = await around.connect_session(5)
    [(pid,)] = await connection.fetch("SELECT pg_backend_pid()", (), list)
    assert pid == connection.server_pid
    await connection.close()


async def test_migrations_go_around_the_pooler_or_are_refused(pooler_url, fresh_postgres_url, tmp_path: Path):
    (tmp_path / "20240101000000_add_notes.py").write_text(
        '"""add notes"""\nfrom ectype.migrations import Migration\n\n'
        'def change(m: Migration) -> None:\n    with m.create_table("notes") as t:\n        t.column("body", str)\n'
    )
    async with Repo(pooler_url) as repo:
        with pytest.raises(UnsupportedError, match="pooler"):
            await migrations.migrate(repo, tmp_path)
    async with Repo(pooler_url, direct_url=fresh_postgres_url) as repo:
        assert await migrations.migrate(repo, tmp_path) == [20240101000000]
        await repo._session.execute("INSERT INTO notes (body) VALUES ('x')")


async def test_without_a_pooler_statements_keep_their_names_and_sessions_their_own(fresh_postgres_url):
    for prepare in ("unnamed", "named"):
        connection = await adapter_for(fresh_postgres_url, prepare=prepare).connect_session(5)
        await connection.close()
    connection = await adapter_for(fresh_postgres_url).connect_session(5)
    await connection.fetch("SELECT $1::int", (1,), list)
    names = "SELECT count(*) FROM pg_prepared_statements WHERE name <> '' AND statement = 'SELECT $1::int'"
    assert await connection.fetch(names, (), lambda rows: rows[0][0]) == 1
    await connection.close()


@pytest.mark.parametrize(
    ("url", "settings", "says"),
    [
        ("postgresql://db/blog", {"prepare": "sometimes"}, "prepare='sometimes'"),
        ("postgresql://db/blog?prepare=sometimes", {}, "choose one of auto, named, unnamed"),
        ("postgresql://db/blog", {"direct_url": "sqlite:///x.db"}, "another kind of database"),
        ("sqlite:///x.db", {"direct_url": "postgresql://db/blog"}, "a setting of PostgreSQL"),
        ("sqlite:///x.db", {"prepare": "unnamed"}, "a setting of PostgreSQL"),
    ],
)
def test_a_setting_that_the_database_does_not_know_is_refused(url, settings, says):
    with pytest.raises(ConfigError) as caught:
        adapter_for(url, **settings)
    assert says in str(caught.value)

"""`migration_lock="transaction"`: the lock of a run where no session is its own."""

import asyncio
from collections.abc import Iterator

import pytest

from ectype import Repo, migrations, telemetry
from ectype.adapters.registry import adapter_for
from ectype.errors import ConfigError, UnsupportedError
from ectype.migrations import guard_postgres
from ectype.migrations.events import WAITING
from ectype.migrations.patience import Patience
from tests.integration.migrations.conftest import Place
from tests.pgbouncer import needs_pgbouncer, pooled

pytestmark = pytest.mark.postgres

TABLE = "m.execute('CREATE TABLE applied (version integer)', 'DROP TABLE applied')"
INSERT = "m.execute('INSERT INTO applied VALUES ({0})', 'DELETE FROM applied WHERE version = {0}')"
INDEX = "m.create_index('applied', 'version', name='applied_version', concurrently=True)"


@pytest.fixture
def database_url(fresh_postgres_url: str) -> str:
    return fresh_postgres_url


@pytest.fixture
def repo(database_url: str) -> Place:
    return Place(adapter_for(database_url, migration_lock="transaction"))


@pytest.fixture
def pooler_url(database_url: str) -> Iterator[str]:
    # Fewer servers than there are runners: each holds one for its lock and needs one for its work.
    with pooled(database_url, servers=12) as url:
        yield url


@pytest.fixture
def files(write) -> None:
    write("1_create", TABLE)
    write("2_insert", INSERT.format(2))
    write("3_index", INDEX)
    write("4_insert_again", INSERT.format(4))


async def once(places, folder, rows) -> None:
    """Start all of them at once, and see that each migration ran once."""
    done = await asyncio.wait_for(asyncio.gather(*(migrations.migrate(one, folder) for one in places)), timeout=60)
    assert sorted(version for versions in done for version in versions) == [1, 2, 3, 4]
    assert await rows("SELECT version FROM applied ORDER BY 1") == [(2,), (4,)]
    assert await rows("SELECT indisvalid FROM pg_index WHERE indexrelid = 'applied_version'::regclass") == [(True,)]
    assert await rows(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = "
        "(SELECT oid FROM pg_database WHERE datname = current_database())"
    ) == [(0,)]


async def test_runs_at_once_apply_each_migration_once_an_index_made_concurrently_among_them(repo, folder, files, rows):
    """The lock's transaction must hold no snapshot: the index would wait for it, and it for the index."""
    await once([repo] * 8, folder, rows)
    assert await migrations.rollback(repo, folder, all=True) == [4, 3, 2, 1]


@needs_pgbouncer
@pytest.mark.parametrize("prepare", [None, "unnamed"])
async def test_it_passes_through_a_pooler_that_keeps_no_sessions(pooler_url, prepare, folder, files, rows):
    places = [Place(adapter_for(pooler_url, prepare=prepare, migration_lock="transaction")) for _ in range(6)]
    await once(places, folder, rows)


@needs_pgbouncer
async def test_a_lock_of_a_session_is_refused_there_and_the_hint_names_both_ways(pooler_url, folder, files):
    with pytest.raises(UnsupportedError, match="a pooler in transaction mode") as caught:
        await migrations.migrate(Place(adapter_for(pooler_url)), folder)
    assert "direct_url=" in (caught.value.hint or "")
    assert 'migration_lock="transaction"' in (caught.value.hint or "")


@needs_pgbouncer
async def test_a_schema_of_its_own_is_refused_through_such_a_pooler(pooler_url, folder, files, connection):
    """`search_path` belongs to a session: the next transaction may find another one."""
    await connection.execute("CREATE SCHEMA tenant")
    place = Place(adapter_for(pooler_url, migration_lock="transaction"))
    with pytest.raises(UnsupportedError, match="a pooler in transaction mode"):
        await migrations.migrate(place, folder, prefix="tenant")
    assert await migrations.applied(place) == []


@needs_pgbouncer
async def test_a_schema_of_its_own_goes_around_the_pooler_where_a_way_is_known(
    pooler_url, database_url, folder, files, connection, rows
):
    await connection.execute("CREATE SCHEMA tenant")
    place = Place(adapter_for(pooler_url, direct_url=database_url))
    assert await migrations.migrate(place, folder, prefix="tenant") == [1, 2, 3, 4]
    assert await migrations.applied(place, prefix="tenant") == [1, 2, 3, 4]
    assert await rows("SELECT version FROM tenant.applied ORDER BY 1") == [(2,), (4,)]
    assert await migrations.applied(place) == []


async def test_a_run_that_waits_names_who_holds_it_and_gives_up_in_time(repo, folder, files):
    heard = []
    async with guard_postgres.hold(repo.adapter, Patience()):
        assert "pid " in (await migrations.lock_holder(repo) or "")
        with (
            telemetry.attach(WAITING, heard.append),
            pytest.raises(migrations.MigrationLockError, match=r"not free within \d s: it is held by pid \d+"),
        ):
            await asyncio.wait_for(migrations.migrate(repo, folder, lock_wait=0.6), timeout=10)
    assert await migrations.lock_holder(repo) == "free"
    assert await migrations.migrate(repo, folder) == [1, 2, 3, 4]


async def test_both_kinds_of_lock_keep_each_other_out(repo, database_url, folder, files):
    async with guard_postgres.hold(adapter_for(database_url), Patience()):
        with pytest.raises(migrations.MigrationLockError):
            await migrations.migrate(repo, folder, lock_wait=0.3)
    async with guard_postgres.hold(repo.adapter, Patience()):
        with pytest.raises(migrations.MigrationLockError):
            await migrations.migrate(Place(adapter_for(database_url)), folder, lock_wait=0.3)


async def test_a_server_that_ends_idle_transactions_lets_it_live(repo, folder, files, write, connection):
    write("5_slow", "m.execute('SELECT pg_sleep(1.2)', '')")
    [[name]] = await connection.fetch("SELECT current_database()", (), list)
    await connection.execute(f"ALTER DATABASE {name} SET idle_in_transaction_session_timeout = '400ms'")
    await connection.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'")
    write("6_after", INSERT.format(6))
    assert await migrations.migrate(repo, folder) == [1, 2, 3, 4, 5, 6]


async def test_one_that_is_lost_stops_the_run_between_two_migrations(repo, folder, files, write):
    # The first of this run's two connections is the one that waits.
    kill = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
    write("5_kill", f'm.execute("{kill}", "")')
    write("6_never", "m.execute('DROP TABLE applied', '')")
    with pytest.raises(migrations.MigrationLockError, match="the migration lock was lost") as caught:
        await migrations.migrate(repo, folder)
    assert "migration_lock" in (caught.value.hint or "")
    assert await migrations.applied(repo) == [1, 2, 3, 4, 5]


async def test_a_backfill_takes_it_too(repo, folder, write, connection, rows):
    write("1_create", TABLE)
    await migrations.migrate(repo, folder)
    await connection.execute("ALTER TABLE applied ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY")
    await connection.execute("INSERT INTO applied SELECT 0 FROM generate_series(1, 10)")
    (folder / "backfills").mkdir()
    (folder / "backfills" / "ones.py").write_text(
        'from ectype.migrations import Backfill\n\nbackfill = Backfill("applied", set="version = 1", batch=3)\n'
    )
    done = await asyncio.gather(*(migrations.backfill(repo, "ones", folder) for _ in range(3)), return_exceptions=True)
    assert next(one for one in done if not isinstance(one, Exception)).updated == 10
    assert await rows("SELECT DISTINCT version FROM applied") == [(1,)]


async def test_a_repo_of_an_application_says_it(database_url, folder, files):
    async with Repo(database_url, migration_lock="transaction") as repo:
        assert await migrations.migrate(repo, folder) == [1, 2, 3, 4]


async def test_its_transaction_is_seen_for_what_it_is(repo, folder, connection):
    async with guard_postgres.hold(repo.adapter, Patience()) as guard:
        await guard.check()
        found = await connection.fetch(
            "SELECT state, backend_xmin IS NULL FROM pg_stat_activity JOIN pg_locks USING (pid) "
            "WHERE locktype = 'advisory' AND datname = current_database()",
            (),
            list,
        )
    assert [tuple(row) for row in found] == [("idle in transaction", True)]


@pytest.mark.parametrize(
    ("url", "lock", "message", "hint"),
    [
        ("postgresql:///blog", "sesion", "migration_lock='sesion' is not a choice", "did you mean `session`?"),
        ("postgresql:///blog", False, "migration_lock=False is not a choice", "no run goes without"),
        ("sqlite:///blog.db", "transaction", "migration_lock= is a setting of PostgreSQL", "leave it out"),
    ],
)
def test_a_lock_that_is_no_choice_is_refused(url, lock, message, hint):
    with pytest.raises(ConfigError, match=message) as caught:
        adapter_for(url, migration_lock=lock)
    assert hint in (caught.value.hint or "")

"""Migrations that cannot be one transaction: done step by step, interrupted, resumed, resolved."""

import asyncio

import pytest

from ectype import migrations, telemetry
from ectype.adapters.migrating import SOURCE as TABLE
from ectype.errors import MigrationError
from ectype.migrations import guard_postgres, guard_sqlite
from ectype.migrations.events import FINISHED, STEPPED

on_postgres = pytest.mark.parametrize(
    "database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

USERS = "m.execute('CREATE TABLE users (id integer, email text)', 'DROP TABLE users')"
CONCURRENTLY = (
    "m.execute('CREATE INDEX CONCURRENTLY users_email ON users (email)', 'DROP INDEX CONCURRENTLY users_email')"
)
MIXED = f"""
m.execute('ALTER TABLE users ADD COLUMN age integer', 'ALTER TABLE users DROP COLUMN age')
{CONCURRENTLY}
m.execute('ALTER TABLE users ADD COLUMN score integer', 'ALTER TABLE users DROP COLUMN score')
"""
STEPS = """
transaction = False


def change(m):
    m.execute("CREATE TABLE a (x integer)", "DROP TABLE a")
    m.execute("INSERT INTO a VALUES (1)", "DELETE FROM a")
    m.execute("CREATE TABLE b (x integer)", "DROP TABLE b")
"""


@pytest.fixture
def index(rows):
    """Whether the index is valid; None when there is none."""

    async def index(name="users_email"):
        found = await rows(f"SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('{name}')")
        return found[0][0] if found else None

    return index


async def states(repo, folder):
    return [(one.version, one.state, one.step, one.steps) for one in await migrations.status(repo, folder)]


@on_postgres
async def test_an_index_is_made_concurrently_and_dropped_again(repo, folder, write, index):
    write("1_users", USERS)
    write("2_index", CONCURRENTLY)
    for _ in range(2):
        assert await migrations.migrate(repo, folder) == [1, 2]
        assert await index() is True
        assert await states(repo, folder) == [(1, "up", None, None), (2, "up", None, None)]
        assert await migrations.rollback(repo, folder, all=True) == [2, 1]
        assert await index() is None


@on_postgres
async def test_what_cannot_be_one_transaction_is_saved_step_by_step(repo, folder, write, index, rows):
    write("1_users", USERS)
    write("2_mixed", MIXED)
    heard = []
    with telemetry.attach(STEPPED, lambda event: heard.append((event.version, event.step, event.steps))):
        assert await migrations.migrate(repo, folder) == [1, 2]
    assert heard == [(2, 1, 3), (2, 2, 3), (2, 3, 3)]
    assert await index() is True
    assert await migrations.rollback(repo, folder) == [2]
    assert await index() is None


@on_postgres
async def test_a_unique_index_that_rows_refuse_leaves_nothing(repo, folder, write, index, connection):
    write("1_users", USERS)
    await migrations.migrate(repo, folder)
    await connection.execute("INSERT INTO users VALUES (1, 'a'), (2, 'a')")
    write("2_index", CONCURRENTLY.replace("CREATE INDEX", "CREATE UNIQUE INDEX"))
    with pytest.raises(migrations.MigrationFailedError) as caught:
        await migrations.migrate(repo, folder)
    assert caught.value.unchanged
    assert "2 index failed going up, step 1 of 1:" in caught.value.message
    assert "(23505)" in caught.value.message
    assert caught.value.message.endswith("rolled back: the database is unchanged")
    assert await index() is None
    assert await states(repo, folder) == [(1, "up", None, None), (2, "pending", None, None)]
    await connection.execute("DELETE FROM users WHERE id = 2")
    assert await migrations.migrate(repo, folder) == [2]
    assert await index() is True


@on_postgres
async def test_an_invalid_index_of_the_same_name_is_dropped_and_built_anew(repo, folder, write, index, connection):
    write("1_users", USERS)
    await migrations.migrate(repo, folder)
    await connection.execute("INSERT INTO users VALUES (1, 'a'), (2, 'a')")
    with pytest.raises(Exception, match="users_email"):
        await connection.execute("CREATE UNIQUE INDEX CONCURRENTLY users_email ON users (email)")
    assert await index() is False
    write("2_index", CONCURRENTLY)
    heard = []
    with telemetry.attach(FINISHED, heard.append):
        assert await migrations.migrate(repo, folder) == [2]
    assert heard[0].notes == ("dropped INVALID index, rebuilt",)
    assert await index() is True


@on_postgres
async def test_an_index_that_somebody_else_made_is_not_taken_for_ours(repo, folder, write, index, connection):
    write("1_users", USERS)
    await migrations.migrate(repo, folder)
    await connection.execute("CREATE INDEX users_email ON users (id)")
    write("2_index", CONCURRENTLY)
    for _ in range(2):
        with pytest.raises(migrations.MigrationFailedError, match=r"already exists \(42P07\)") as caught:
            await migrations.migrate(repo, folder)
        assert caught.value.unchanged
    assert await index() is True


@pytest.mark.parametrize("broken", [2, 3])
async def test_a_failed_step_keeps_those_before_it_and_the_next_run_goes_on(repo, folder, write, rows, broken):
    text = STEPS.replace("INSERT INTO a", "INSERT INTO absent") if broken == 2 else STEPS.replace("TABLE b", "TABLE a")
    path = write("1_steps", text=text)
    with pytest.raises(migrations.MigrationFailedError) as caught:
        await migrations.migrate(repo, folder)
    assert not caught.value.unchanged
    assert f"1 steps failed going up, step {broken} of 3:" in caught.value.message
    assert "`ectype migrate` goes on from there, `ectype resolve 1 --rolled-back`" in caught.value.message
    assert await states(repo, folder) == [(1, "partial", broken - 1, 3)]
    assert await migrations.applied(repo) == []
    with pytest.raises(migrations.JournalMismatchError, match=f"interrupted going up, after step {broken - 1} of 3"):
        await migrations.rollback(repo, folder)
    # The file is mended, which is a change of an edited file: it must be said.
    path.write_text(STEPS)
    with pytest.raises(migrations.JournalMismatchError, match="was edited after it was applied"):
        await migrations.migrate(repo, folder)
    path.write_text(text)
    await rows({2: "CREATE TABLE absent (x integer)", 3: "ALTER TABLE a RENAME TO c"}[broken])
    assert await migrations.migrate(repo, folder) == [1]
    assert await migrations.applied(repo) == [1]


async def test_an_interrupted_rollback_goes_on_with_the_next_rollback(repo, folder, write, rows):
    text = STEPS.replace('"DELETE FROM a"', '"DELETE FROM missing"')
    write("1_steps", text=text)
    await migrations.migrate(repo, folder)
    with pytest.raises(migrations.MigrationFailedError, match="`ectype rollback` goes on from there"):
        await migrations.rollback(repo, folder)
    assert await states(repo, folder) == [(1, "partial", 1, 3)]
    with pytest.raises(migrations.JournalMismatchError, match="interrupted going down, after step 1 of 3"):
        await migrations.migrate(repo, folder)
    await rows("CREATE TABLE missing (x integer)")
    assert await migrations.rollback(repo, folder) == [1]
    assert await migrations.applied(repo) == []
    assert await states(repo, folder) == [(1, "pending", None, None)]


@pytest.mark.parametrize(("how", "then"), [("applied", [(1, "up")]), ("rolled-back", [(1, "pending")])])
async def test_a_half_migration_can_be_resolved_by_hand(repo, folder, write, how, then):
    write("1_steps", text=STEPS.replace("TABLE b", "TABLE a"))
    with pytest.raises(migrations.MigrationFailedError):
        await migrations.migrate(repo, folder)
    await migrations.resolve(repo, 1, how, folder)
    assert [one[:2] for one in await states(repo, folder)] == then
    with pytest.raises(MigrationError, match=r"1 steps is (applied|rolled back) already"):
        await migrations.resolve(repo, 1, how, folder)


async def test_runs_at_once_do_each_step_once(repo, folder, write, rows):
    write("1_steps", text=STEPS)
    done = await asyncio.gather(*(migrations.migrate(repo, folder) for _ in range(8)))
    assert sorted(version for versions in done for version in versions) == [1]
    assert await rows("SELECT x FROM a") == [(1,)]


async def test_runs_whose_lock_does_nothing_share_the_steps(repo, folder, write, rows, monkeypatch):
    """As through a pooler, or on SQLite between two steps: the number in the journal says who does which step."""

    async def slow(*args):
        await asyncio.sleep(0.05)

    write("1_steps", text=STEPS)
    await migrations.migrate(repo, folder, step=1)
    await migrations.rollback(repo, folder)
    monkeypatch.setattr(guard_postgres, "_acquire", slow)
    monkeypatch.setattr(guard_postgres.PostgresGuard, "check", slow)
    monkeypatch.setattr(guard_sqlite.SqliteGuard, "check", slow)
    done = await asyncio.gather(*(migrations.migrate(repo, folder) for _ in range(6)))
    assert sorted(version for versions in done for version in versions) == [1]
    assert await rows("SELECT x FROM a") == [(1,)]


async def test_a_run_that_joins_another_half_way_does_no_step_again(repo, folder, write, rows, monkeypatch):
    async def slow(*args):
        await asyncio.sleep(0.05)

    inserts = "".join(f"    m.execute('INSERT INTO a VALUES ({number})', '')\n" for number in range(6))
    table = "    m.execute('CREATE TABLE a (x integer)', 'DROP TABLE a')\n"
    write("1_steps", text=f"transaction = False\n\n\ndef change(m):\n{table}{inserts}")
    monkeypatch.setattr(guard_postgres, "_acquire", slow)
    monkeypatch.setattr(guard_postgres.PostgresGuard, "check", slow)
    monkeypatch.setattr(guard_sqlite.SqliteGuard, "check", slow)
    running = [asyncio.ensure_future(migrations.migrate(repo, folder))]
    while [one.state for one in await migrations.status(repo, folder)] != ["partial"]:
        await asyncio.sleep(0.005)
    running += [asyncio.ensure_future(migrations.migrate(repo, folder)) for _ in range(3)]
    done = await asyncio.wait_for(asyncio.gather(*running), timeout=30)
    assert sorted(version for versions in done for version in versions) == [1]
    assert await rows("SELECT x FROM a ORDER BY x") == [(number,) for number in range(6)]


@on_sqlite
async def test_what_sqlite_refuses_in_a_transaction_stands_outside(repo, folder, write):
    write("1_a", "m.execute('CREATE TABLE a (x integer)', 'DROP TABLE a')\nm.execute('VACUUM', '')")
    assert await migrations.migrate(repo, folder) == [1]
    assert await migrations.rollback(repo, folder) == [1]


@on_postgres
async def test_a_statement_of_unknown_outcome_asks_for_a_decision(repo, folder, write, rows, connection):
    """As when the program died within `CREATE DATABASE`: the journal says that it began."""
    write("1_users", USERS)
    write("2_space", "m.execute('CREATE DATABASE nobody_makes_it TEMPLATE nothing_like_this', '')")
    await migrations.migrate(repo, folder, step=1)
    with pytest.raises(migrations.MigrationFailedError, match="nothing_like_this") as caught:
        await migrations.migrate(repo, folder)
    assert caught.value.unchanged
    await rows(
        f"INSERT INTO {TABLE} (version, name, state, started_at, ectype_version, host, step, steps, checkpoint)"
        " SELECT 2, 'space', 'up', now(), 'x', 'x', 0, 1, 'step 1 began'"
    )
    with pytest.raises(migrations.MigrationFailedError, match="nobody knows whether it took effect") as caught:
        await migrations.migrate(repo, folder)
    assert not caught.value.unchanged
    assert await states(repo, folder) == [(1, "up", None, None), (2, "partial", 0, 1)]


@pytest.mark.parametrize("names", [("step", "steps", "checkpoint"), ("checkpoint",)])
async def test_an_older_journal_is_read_as_it_is_and_brought_up_to_date_by_a_run(repo, folder, write, rows, names):
    write("1_users", USERS)
    write("2_more", "m.execute('CREATE TABLE more (x integer)', 'DROP TABLE more')")
    await migrations.migrate(repo, folder, step=1)
    for name in names:
        await rows(f"ALTER TABLE {TABLE} DROP COLUMN {name}")
    assert [one[:2] for one in await states(repo, folder)] == [(1, "up"), (2, "pending")]
    assert await migrations.migrate(repo, folder) == [2]
    assert await migrations.rollback(repo, folder, all=True) == [2, 1]


async def test_another_tools_journal_is_refused_and_not_changed(repo, folder, write, rows):
    write("1_users", USERS)
    await rows(f"CREATE TABLE {TABLE} (version integer, inserted_at text)")
    with pytest.raises(MigrationError, match="is not ectype's journal"):
        await migrations.migrate(repo, folder)
    assert await rows(f"SELECT * FROM {TABLE}") == []
    await rows(f"INSERT INTO {TABLE} VALUES (1, 'x')")


@on_postgres
async def test_a_lock_that_is_lost_stops_the_run_between_two_steps(repo, folder, write, rows):
    locks = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
    text = STEPS.replace("INSERT INTO a VALUES (1)", locks)
    write("1_steps", text=text)
    with pytest.raises(migrations.MigrationLockError, match="the migration lock was lost"):
        await migrations.migrate(repo, folder)
    assert await states(repo, folder) == [(1, "partial", 2, 3)]
    assert await migrations.migrate(repo, folder) == [1]
    assert await rows("SELECT * FROM b") == []

import asyncio
import json
import os
import re
import sys

import pytest

from ectype import migrations, telemetry
from ectype.adapters.base import Begin
from ectype.migrations import guard_postgres
from ectype.migrations.events import WAITING
from ectype.migrations.patience import Patience

on_postgres = pytest.mark.parametrize(
    "database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)

COUNT = "m.execute('INSERT INTO applied VALUES ({version})', 'DELETE FROM applied WHERE version = {version}')"


@pytest.fixture
def counted(write):
    """Five migrations, each of which adds one row that says that it was applied."""
    write("1_create", "m.execute('CREATE TABLE applied (version integer)', 'DROP TABLE applied')")
    for version in range(2, 6):
        write(f"{version}_insert{version}", COUNT.format(version=version))


async def test_eight_runs_at_once_apply_each_migration_once(repo, folder, counted, rows):
    done = await asyncio.gather(*(migrations.migrate(repo, folder) for _ in range(8)))
    assert sorted(version for versions in done for version in versions) == [1, 2, 3, 4, 5]
    assert await rows("SELECT version FROM applied ORDER BY version") == [(2,), (3,), (4,), (5,)]


async def test_eight_rollbacks_at_once_undo_each_migration_once(repo, folder, counted, rows):
    await migrations.migrate(repo, folder)
    done = await asyncio.gather(*(migrations.rollback(repo, folder, to=2) for _ in range(8)))
    assert sorted(version for versions in done for version in versions) == [2, 3, 4, 5]
    assert await rows("SELECT version FROM applied") == []


async def test_runs_whose_lock_does_nothing_still_apply_each_migration_once(repo, folder, counted, rows, monkeypatch):
    """As through a transaction pooler that gives the lock to everybody: the journal's row stands between them."""
    monkeypatch.setattr(guard_postgres, "_acquire", _nothing)
    monkeypatch.setattr(guard_postgres.PostgresGuard, "check", _nothing)
    await migrations.migrate(repo, folder, step=1)
    done = await asyncio.gather(*(migrations.migrate(repo, folder) for _ in range(8)))
    assert sorted(version for versions in done for version in versions) == [2, 3, 4, 5]
    assert await rows("SELECT version FROM applied ORDER BY version") == [(2,), (3,), (4,), (5,)]


async def _nothing(*args, **kwargs):
    return None


async def test_a_run_that_waits_names_who_holds_the_lock_and_gives_up_in_time(repo, folder, counted):
    holder = await repo.adapter.connect(10)
    heard = []
    try:
        if repo.adapter.dialect.target == "postgres":
            key = await guard_postgres._key(holder, repo.adapter)
            await holder.fetch("SELECT pg_advisory_lock($1)", (key,), list)
            message = (
                rf"not free within \d s: it is held by pid {holder.server_pid} \(ectype, .*\), connected \d+ s ago"
            )
        else:
            await holder.begin(Begin())
            message = r"another connection has been writing to the database for \d s"
        with (
            telemetry.attach(WAITING, heard.append),
            pytest.raises(migrations.MigrationLockError, match=message) as caught,
        ):
            await asyncio.wait_for(migrations.migrate(repo, folder, lock_wait=0.6), timeout=5)
    finally:
        await holder.close()
    assert "--lock-wait" in caught.value.hint
    assert len(heard) <= 1
    assert await migrations.migrate(repo, folder) == [1, 2, 3, 4, 5]


async def test_a_long_wait_is_told_once_and_ends_when_the_lock_is_free(repo, folder, counted, monkeypatch):
    for module in ("patience", "guard_sqlite"):
        monkeypatch.setattr(f"ectype.migrations.{module}.TELL_AFTER_SECONDS", 0.2)
    holder = await repo.adapter.connect(10)
    heard = []
    try:
        if repo.adapter.dialect.target == "postgres":
            await holder.fetch("SELECT pg_advisory_lock($1)", (await guard_postgres._key(holder, repo.adapter),), list)
        else:
            await holder.begin(Begin())
        with telemetry.attach(WAITING, heard.append):
            running = asyncio.ensure_future(migrations.migrate(repo, folder, lock_wait=30))
            await asyncio.sleep(1.0)
            assert not running.done()
            assert len(heard) == 1
            if repo.adapter.dialect.target == "postgres":
                assert f"pid {holder.server_pid}" in heard[0].holder
            await holder.close()
            assert await asyncio.wait_for(running, timeout=15) == [1, 2, 3, 4, 5]
    finally:
        await holder.close()
    assert len(heard) == 1


@on_postgres
async def test_a_lock_that_is_lost_stops_the_run_between_two_migrations(repo, folder, counted, write, connection):
    locks = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
    write("6_kill", f'm.execute("{locks}", "")')
    write("7_never", "m.execute('DROP TABLE applied', '')")
    with pytest.raises(migrations.MigrationLockError, match="the migration lock was lost"):
        await migrations.migrate(repo, folder)
    assert await migrations.applied(repo) == [1, 2, 3, 4, 5, 6]


@on_postgres
async def test_a_lock_that_a_pooler_took_away_is_noticed(repo):
    async with guard_postgres.hold(repo.adapter, Patience()) as guard:
        await guard.check()
        await guard.connection.execute("SELECT pg_advisory_unlock_all()")
        with pytest.raises(migrations.MigrationLockError, match="the migration lock was lost") as caught:
            await guard.check()
    assert "not through a transaction pooler" in (caught.value.hint or "")


@on_postgres
async def test_a_table_that_is_busy_is_tried_again_and_readers_are_not_held_up(
    repo, folder, counted, write, connection
):
    await migrations.migrate(repo, folder)
    write("6_alter", 'with m.alter_table("applied") as t:\n    t.column("x", int)')
    await connection.begin(Begin())
    await connection.fetch("SELECT * FROM applied", (), list)
    running = asyncio.ensure_future(migrations.migrate(repo, folder, lock_timeout=0.1))
    await asyncio.sleep(0.5)
    assert not running.done()
    await connection.rollback()
    assert await asyncio.wait_for(running, timeout=10) == [6]


@on_postgres
async def test_a_table_that_stays_busy_ends_in_an_error(repo, folder, counted, write, connection, monkeypatch):
    monkeypatch.setattr("ectype.migrations.execution.pause_before_try", _nothing)
    await migrations.migrate(repo, folder)
    write("6_alter", 'with m.alter_table("applied") as t:\n    t.column("x", int)')
    await connection.begin(Begin())
    await connection.fetch("SELECT * FROM applied", (), list)
    with pytest.raises(migrations.MigrationFailedError, match=r"lock timeout \(55P03\)") as caught:
        await migrations.migrate(repo, folder, lock_timeout=0.02)
    tried, blocker = caught.value.__notes__
    assert tried == "tried 10 times"
    assert re.fullmatch(
        rf"blocked by pid {connection.server_pid} \(idle in transaction, 00:\d\d:\d\d\): SELECT \* FROM applied",
        blocker,
    )
    await connection.rollback()
    assert await migrations.applied(repo) == [1, 2, 3, 4, 5]


FIFTY = {
    1: "m.execute('CREATE TABLE applied (version integer)', 'DROP TABLE applied')",
    2: COUNT.format(version=2),
    3: "m.execute('CREATE INDEX CONCURRENTLY applied_version ON applied (version)', "
    "'DROP INDEX CONCURRENTLY applied_version')",
    4: COUNT.format(version=4),
}


@on_postgres
async def test_fifty_runners_at_once_apply_each_migration_once(repo, folder, write, rows, database_url):
    """Forty-six in this process, each with connections of its own, and four processes; one index is concurrent."""
    for version, change in FIFTY.items():
        write(f"{version}_step{version}", change)
    command = (sys.executable, "-m", "ectype", "migrate", "--json", "--lock-wait", "300", "--folder", str(folder))
    environ = {**os.environ, "DATABASE_URL": database_url}
    pipe = asyncio.subprocess.PIPE
    runs = [await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe, env=environ) for _ in range(4)]
    try:
        done = await asyncio.gather(*(migrations.migrate(repo, folder, lock_wait=300) for _ in range(46)))
        printed = [await asyncio.wait_for(run.communicate(), timeout=300) for run in runs]
    finally:
        for run in runs:
            if run.returncode is None:
                run.kill()
                await run.wait()
    assert [(run.returncode, err) for run, (_, err) in zip(runs, printed, strict=True)] == [(0, b"")] * 4
    done += [[one["version"] for one in json.loads(out.splitlines()[-1])["applied"]] for out, _ in printed]
    assert sorted(version for versions in done for version in versions) == [1, 2, 3, 4]
    assert await rows("SELECT version FROM applied ORDER BY version") == [(2,), (4,)]
    assert await rows("SELECT indisvalid FROM pg_index WHERE indexrelid = 'applied_version'::regclass") == [(True,)]

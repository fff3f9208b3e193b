"""What does not fit between the files, the lock file and the journal: refused, told, put right."""

import pytest

from ectype import migrations
from ectype.errors import ConfigError, MigrationError, UnsupportedError
from ectype.migrations.lock_file import NAME

on_postgres = pytest.mark.parametrize(
    "database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def three(write):
    for version, name in ((10, "a"), (20, "b"), (30, "c")):
        write(f"{version}_{name}", f"m.execute('CREATE TABLE {name} (x integer)', 'DROP TABLE {name}')")
    return [10, 20, 30]


async def problems(repo, folder):
    return [(one.problem, one.version) for one in await migrations.verify(repo, folder)]


async def test_an_applied_file_that_was_edited_stops_the_run_until_it_is_resolved(repo, folder, three, write):
    await migrations.migrate(repo, folder, step=2)
    path = write("10_a", "m.execute('CREATE TABLE a (x integer, y integer)', 'DROP TABLE a')")
    with pytest.raises(migrations.JournalMismatchError, match=f"{path} was edited after it was applied on") as caught:
        await migrations.migrate(repo, folder)
    assert "ectype resolve 10 --applied" in (caught.value.hint or "")
    assert await migrations.applied(repo) == [10, 20]
    assert await problems(repo, folder) == [("edited", 10)]
    # Rolling back another one is harmless, rolling back this one is not.
    assert await migrations.rollback(repo, folder) == [20]
    with pytest.raises(migrations.JournalMismatchError, match="was edited"):
        await migrations.rollback(repo, folder)
    await migrations.resolve(repo, 10, "applied", folder)
    assert await problems(repo, folder) == []
    assert await migrations.migrate(repo, folder) == [20, 30]


async def test_a_file_that_is_gone_is_told_and_cannot_be_rolled_back(repo, folder, three):
    await migrations.migrate(repo, folder)
    (folder / "30_c.py").unlink()
    assert await problems(repo, folder) == [("gone", 30)]
    # An older version of the program, started again beside a newer one, finds nothing to do.
    assert await migrations.migrate(repo, folder) == []
    with pytest.raises(migrations.JournalMismatchError, match="30 c is applied, but its file is gone"):
        await migrations.rollback(repo, folder)


async def test_an_older_pending_migration_is_refused_when_the_order_is_strict(repo, folder, three, write):
    (folder / "20_b.py").rename(folder / "hidden")
    await migrations.migrate(repo, folder)
    (folder / "hidden").rename(folder / "20_b.py")
    assert await problems(repo, folder) == [("order", 20)]
    with pytest.raises(migrations.JournalMismatchError, match="20 b is pending, but older than 30, which is applied"):
        await migrations.migrate(repo, folder, strict_order=True)
    assert await migrations.applied(repo) == [10, 30]
    assert await migrations.migrate(repo, folder) == [20]
    assert await migrations.migrate(repo, folder, strict_order=True) == []


async def test_two_files_of_one_version_are_told_and_refused(repo, folder, three, write):
    write("20_other", "m.execute('SELECT 1', '')")
    assert await problems(repo, folder) == [("duplicate", None)]
    with pytest.raises(MigrationError, match="two migrations have the version 20"):
        await migrations.migrate(repo, folder)
    assert await migrations.applied(repo) == []


async def test_the_lock_file_lists_every_migration_and_shows_what_is_not_as_it_says(repo, folder, three, write):
    path = migrations.write_lock_file(folder)
    assert path == folder / NAME
    lines = path.read_text().splitlines()
    assert [line.split()[0] for line in lines] == ["10", "20", "30"]
    assert {len(line.split()[1]) for line in lines} == {64}
    assert migrations.write_lock_file(folder) is None
    assert await problems(repo, folder) == []

    write("20_b", "m.execute('CREATE TABLE b (x integer, y integer)', 'DROP TABLE b')")
    write("40_d", "m.execute('SELECT 1', '')")
    (folder / "30_c.py").unlink()
    assert sorted(await problems(repo, folder)) == [("lock", 20), ("lock", 30), ("lock", 40)]
    with pytest.raises(migrations.JournalMismatchError, match=r"migrations.lock lists 30, but its file is not there"):
        await migrations.migrate(repo, folder)
    assert await migrations.applied(repo) == []


async def test_marks_of_a_merge_in_the_lock_file_are_told(repo, folder, three):
    path = migrations.write_lock_file(folder)
    path.write_text("<<<<<<< HEAD\n" + path.read_text())
    found = await migrations.verify(repo, folder)
    assert [one.message for one in found] == [f"{path}:1: '<<<<<<< HEAD' is no version with its checksum"]
    with pytest.raises(MigrationError, match="is no version with its checksum"):
        await migrations.migrate(repo, folder)


async def test_what_is_faked_is_written_and_not_run(repo, folder, three, rows):
    assert await migrations.migrate(repo, folder, to=20, fake=True) == [10, 20]
    assert await migrations.applied(repo) == [10, 20]
    with pytest.raises(Exception, match="a"):
        await rows("SELECT * FROM a")
    assert await migrations.rollback(repo, folder, fake=True) == [20]
    assert await migrations.applied(repo) == [10]


async def test_a_baseline_is_for_a_database_without_a_journal(repo, folder, three, rows):
    await rows("CREATE TABLE a (x integer)")
    await rows("CREATE TABLE b (x integer)")
    with pytest.raises(MigrationError, match="there is no migration 25 to go to"):
        await migrations.baseline(repo, 25, folder)
    assert await migrations.baseline(repo, 20, folder) == [10, 20]
    assert await migrations.migrate(repo, folder) == [30]
    with pytest.raises(MigrationError, match="the journal has 3 migrations already, the last one 30"):
        await migrations.baseline(repo, 20, folder)


@pytest.mark.parametrize(
    ("options", "expected"),
    [({"to_exclusive": 30}, [10, 20]), ({"to_exclusive": 10}, []), ({"to": 20}, [10, 20]), ({"step": 1}, [10])],
)
async def test_how_far_up(repo, folder, three, options, expected):
    assert await migrations.migrate(repo, folder, **options) == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [({"to_exclusive": 10}, [30, 20]), ({"to_exclusive": 30}, []), ({"to": 20}, [30, 20]), ({}, [30])],
)
async def test_how_far_down(repo, folder, three, options, expected):
    await migrations.migrate(repo, folder)
    assert await migrations.rollback(repo, folder, **options) == expected


async def test_two_limits_are_refused(repo, folder, three):
    with pytest.raises(MigrationError, match="`to` and `to_exclusive` were both given"):
        await migrations.migrate(repo, folder, to=10, to_exclusive=20)


@pytest.mark.parametrize(
    ("version", "how", "message"),
    [
        (10, "rolled-back", "10 is not applied"),
        (11, "applied", "there is no migration 11"),
        (10, "applyed", "'applyed' is no resolution"),
    ],
)
async def test_what_cannot_be_resolved_is_refused(repo, folder, three, version, how, message):
    with pytest.raises(MigrationError, match=message):
        await migrations.resolve(repo, version, how, folder)


async def test_pending_migrations_refuse_the_start(repo, folder, three):
    assert await migrations.pending(repo, folder) == three
    await migrations.migrate(repo, folder, step=2)
    assert await migrations.pending(repo, folder) == [30]
    with pytest.raises(migrations.PendingMigrationsError, match=r"1 migration is pending in .*: 30") as caught:
        await migrations.require(repo, folder)
    assert caught.value.versions == (30,)
    await migrations.migrate(repo, folder)
    await migrations.require(repo, folder)


@on_postgres
async def test_each_schema_has_a_journal_and_tables_of_its_own(repo, folder, three, rows):
    for name in ("north", 'so"uth'):
        await rows('CREATE SCHEMA "{}"'.format(name.replace('"', '""')))
    assert await migrations.migrate(repo, folder, prefix="north") == three
    assert await migrations.migrate(repo, folder, prefix='so"uth', step=1) == [10]
    assert await migrations.applied(repo) == []
    assert await migrations.applied(repo, prefix="north") == three
    found = await rows("SELECT schemaname::text, tablename::text FROM pg_tables WHERE tablename IN ('a', 'b', 'c')")
    assert sorted(found) == [("north", "a"), ("north", "b"), ("north", "c"), ('so"uth', "a")]
    assert await migrations.rollback(repo, folder, prefix="north") == [30]
    assert [one.state for one in await migrations.status(repo, folder, prefix='so"uth')] == ["up", "pending", "pending"]


@on_postgres
async def test_a_table_of_another_schema_is_not_found_by_accident(repo, folder, three, rows, write):
    await rows("CREATE TABLE public.users (x integer)")
    await rows("CREATE SCHEMA north")
    write("40_drop", "m.execute('DROP TABLE users', '')")
    with pytest.raises(migrations.MigrationFailedError, match='table "users" does not exist'):
        await migrations.migrate(repo, folder, prefix="north")
    assert await rows("SELECT * FROM users") == []


@on_postgres
async def test_a_schema_that_is_not_there_is_named(repo, folder, three, rows):
    await rows("CREATE SCHEMA north")
    with pytest.raises(ConfigError, match="there is no schema `nort` in this database") as caught:
        await migrations.migrate(repo, folder, prefix="nort")
    assert "`north`" in (caught.value.hint or "")


@on_sqlite
async def test_a_schema_on_sqlite_is_refused(repo, folder, three):
    with pytest.raises(UnsupportedError, match="SQLite can do: it has no schemas"):
        await migrations.migrate(repo, folder, prefix="north")


@on_postgres
async def test_a_role_without_rights_is_told_so_and_leaves_nothing(repo, folder, three, rows, database_url):
    name = "nobody_" + database_url.rpartition("/")[2].partition("?")[0].lower()
    await rows(f'CREATE ROLE "{name}"')
    try:
        await rows("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        denied = "the journal `schema_migrations` cannot be made: (permission denied|no schema has been selected)"
        with pytest.raises(MigrationError, match=denied) as caught:
            await migrations.migrate(Role(repo.adapter, name), folder)
    finally:
        await rows(f'DROP ROLE "{name}"')
    assert "GRANT CREATE" in (caught.value.hint or "")
    assert await migrations.applied(repo) == []


class Role:
    """The same database, with the rights of another role."""

    def __init__(self, adapter, name):
        self.adapter = self
        self._adapter, self._name = adapter, name
        self.dialect, self.url, self.single = adapter.dialect, adapter.url, adapter.single
        self.migrating = adapter.migrating
        self.begin_text = adapter.begin_text

    async def connect(self, timeout):
        connection = await self._adapter.connect(timeout)
        await connection.execute(f'SET ROLE "{self._name}"')
        return connection

    async def connect_session(self, timeout):
        return await self.connect(timeout)

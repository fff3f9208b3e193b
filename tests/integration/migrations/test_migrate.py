import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from ectype import migrations, telemetry
from ectype.adapters.base import Adapter
from ectype.adapters.migrating import SOURCE as TABLE
from ectype.adapters.pool import Pool
from ectype.adapters.registry import adapter_for
from ectype.errors import ConstraintError, DatabaseError, IrreversibleError, MigrationError, UnsupportedError
from ectype.migrations.events import FINISHED

on_postgres = pytest.mark.parametrize(
    "database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)

USERS = """
with m.create_table("users") as t:
    t.column("email", str, null=False)
    t.column("age", int, default=18)
    t.check("adult", "age > 17")
    t.timestamps()
"""
POSTS = """
with m.create_table("posts") as t:
    t.references("author_id", "users", on_delete="cascade", null=False)
    t.column("title", str, null=False)
m.create_index("posts", "author_id")
"""
EMAIL = 'm.create_index("users", "email", unique=True)'


@pytest.fixture
def three(write):
    write("20261121070000_create_users", f"from datetime import datetime\n{USERS}")
    write("20261121080000_create_posts", POSTS)
    write("20261121090000_index_email", EMAIL)
    return [20261121070000, 20261121080000, 20261121090000]


@pytest.fixture
def names(repo, rows):
    """The names of the tables and indexes that migrations made."""

    async def names():
        if repo.adapter.dialect.target == "postgres":
            found = await rows(
                "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                "WHERE n.nspname = 'public' AND c.relkind IN ('r', 'i') AND c.relname NOT LIKE '%_pkey'"
            )
        else:
            found = await rows("SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'")
        return {name for (name,) in found} - {TABLE}

    return names


@dataclass(frozen=True)
class Place:
    """What stands for a repo."""

    adapter: Adapter


ALL = {"users", "posts", "posts_author_id_index", "users_email_index"}


async def test_what_is_migrated_can_be_rolled_back_and_migrated_again(repo, folder, three, names):
    for _ in range(2):
        assert await migrations.migrate(repo, folder) == three
        assert await names() == ALL
        assert await migrations.migrate(repo, folder) == []
        assert await migrations.rollback(repo, folder, all=True) == three[::-1]
        assert await names() == set()
        assert await migrations.applied(repo) == []


async def test_step_to_and_all_say_how_far(repo, folder, three, names):
    assert await migrations.migrate(repo, folder, step=1) == three[:1]
    assert await names() == {"users"}
    assert await migrations.migrate(repo, folder, to=three[1]) == [three[1]]
    assert await migrations.migrate(repo, folder, all=True) == [three[2]]
    assert await migrations.rollback(repo, folder) == [three[2]]
    assert await migrations.rollback(repo, folder, to=three[0]) == [three[1], three[0]]
    assert await migrations.rollback(repo, folder) == []


async def test_the_constraints_hold(repo, folder, three, connection):
    await migrations.migrate(repo, folder)
    when = "'2026-11-21 07:00:00.000000'"
    await connection.execute(f"INSERT INTO users (email, inserted_at, updated_at) VALUES ('a', {when}, {when})")
    await connection.execute("INSERT INTO posts (author_id, title) SELECT id, 'x' FROM users")
    refused = {
        "users_email_index": f"INSERT INTO users (email, inserted_at, updated_at) VALUES ('a', {when}, {when})",
        "adult": f"INSERT INTO users (email, age, inserted_at, updated_at) VALUES ('b', 3, {when}, {when})",
    }
    for constraint, sql in refused.items():
        with pytest.raises(ConstraintError) as caught:
            await connection.execute(sql)
        assert caught.value.constraint == constraint
    await connection.execute("DELETE FROM users")
    assert await connection.fetch("SELECT count(*) FROM posts", (), lambda found: found[0][0]) == 0


async def test_a_failing_migration_leaves_the_database_as_it_was(repo, folder, three, write, names):
    path = write("20261121100000_broken", 'm.rename_table("posts", to="articles")\nm.drop_index("posts", "nothing")')
    write("20261121110000_never", 'm.drop_table("users")')
    with pytest.raises(migrations.MigrationFailedError) as caught:
        await migrations.migrate(repo, folder)
    assert await names() == ALL
    assert await migrations.applied(repo) == three
    error = caught.value
    assert (error.version, error.path, error.unchanged, error.done) == (20261121100000, path, True, tuple(three))
    assert error.statement == 'DROP INDEX "posts_nothing_index"'
    database = {
        "postgres": 'index "posts_nothing_index" does not exist (42704)',
        "sqlite": "no such index: posts_nothing_index (SQLITE_ERROR)",
    }[repo.adapter.dialect.target]
    assert error.message == (
        "20261121100000 broken failed going up, statement 2 of 2:\n\n"
        '    DROP INDEX "posts_nothing_index"\n\n'
        f"    {database}\n\n"
        f"{path}: rolled back: the database is unchanged"
    )


async def test_a_first_migration_that_fails_leaves_no_row(repo, folder, write, names):
    write("1_a", "m.execute('CREATE TABLE a (x integer); INSERT INTO a VALUES (1); INSERT INTO b VALUES (1)', '')")
    with pytest.raises(migrations.MigrationFailedError):
        await migrations.migrate(repo, folder)
    assert await names() == set()
    assert [one.state for one in await migrations.status(repo, folder)] == ["pending"]


REFUSING = {
    "postgres": (
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'the journal is full'; END $$",
        f"CREATE TRIGGER refuse BEFORE UPDATE ON {TABLE} FOR EACH ROW WHEN (NEW.version = 2) EXECUTE FUNCTION refuse()",
    ),
    "sqlite": (
        f"CREATE TRIGGER refuse BEFORE UPDATE ON {TABLE} WHEN NEW.version = 2 "
        "BEGIN SELECT RAISE(ABORT, 'the journal is full'); END",
    ),
}


async def test_a_migration_whose_row_the_journal_does_not_take_is_rolled_back(repo, folder, write, connection, names):
    write("1_a", "m.execute('CREATE TABLE a (x integer)', 'DROP TABLE a')")
    await migrations.migrate(repo, folder)
    for sql in REFUSING[repo.adapter.dialect.target]:
        await connection.script(sql)
    write("2_b", "m.execute('CREATE TABLE b (x integer)', 'DROP TABLE b')")
    with pytest.raises(migrations.MigrationFailedError, match="the journal is full") as caught:
        await migrations.migrate(repo, folder)
    assert caught.value.unchanged
    assert "b" not in await names()
    assert await migrations.applied(repo) == [1]


async def test_a_long_statement_is_shown_by_its_beginning(repo, folder, write):
    sql = "\n".join(f"-- line {number}" for number in range(30)) + "\nSELECT * FROM nothing"
    write("1_a", f"m.execute({sql!r}, '')")
    with pytest.raises(
        migrations.MigrationFailedError, match=r"(?s)    -- line 19\n    … and 11 more lines\n\n"
    ) as caught:
        await migrations.migrate(repo, folder)
    assert caught.value.statement == sql
    assert "-- line 20\n" not in caught.value.message


async def test_a_failing_rollback_leaves_the_migration_applied(repo, folder, write, names):
    write("1_a", "m.execute('CREATE TABLE a (x integer)', 'DROP TABLE a; DROP TABLE b')")
    await migrations.migrate(repo, folder)
    with pytest.raises(migrations.MigrationFailedError, match="1 a failed going down, statement 1 of 1"):
        await migrations.rollback(repo, folder)
    assert await names() == {"a"}
    assert await migrations.applied(repo) == [1]


async def test_an_irreversible_migration_stays_applied_and_nothing_is_rolled_back(repo, folder, write, names):
    write("1_a", "m.execute('CREATE TABLE a (x integer)')")
    write("2_b", "m.execute('CREATE TABLE b (x integer)', 'DROP TABLE b')")
    await migrations.migrate(repo, folder)
    with pytest.raises(IrreversibleError, match="1 a cannot be rolled back, nothing was done"):
        await migrations.rollback(repo, folder, all=True)
    assert await names() == {"a", "b"}
    assert await migrations.applied(repo) == [1, 2]


async def test_a_file_that_cannot_be_read_stops_the_run_before_it_begins(repo, folder, three, write, names):
    write("20261121100000_typo", text="def change(m:\n")
    with pytest.raises(MigrationError, match=r"20261121100000_typo.py:1: the migration cannot be read: SyntaxError"):
        await migrations.migrate(repo, folder)
    assert await names() == set()


async def test_what_the_database_cannot_do_stops_the_run_before_it_begins(repo, folder, three, write, names):
    write("20261121100000_long", f'm.create_index("users", "age", name="{"x" * 1001}")')
    with pytest.raises(migrations.MigrationFailedError, match=r"_long.py: the index name `x+` has 1001 bytes"):
        await migrations.migrate(repo, folder)
    assert await names() == set()


@pytest.mark.parametrize("ending", ["COMMIT", "COMMIT; INSERT INTO nothing VALUES (1)"])
async def test_a_commit_in_the_text_is_found_out_and_asks_for_a_decision(repo, folder, write, names, rows, ending):
    write("1_a", f"m.execute('CREATE TABLE a (x integer); {ending}', '')")
    with pytest.raises(migrations.MigrationFailedError) as caught:
        await migrations.migrate(repo, folder)
    assert caught.value.unchanged is False
    assert caught.value.message.endswith("1_a.py: not rolled back: a part of it is saved, see `ectype status`")
    assert [one.state for one in await migrations.status(repo, folder)] == ["partial"]
    for run in (migrations.migrate, migrations.rollback):
        with pytest.raises(migrations.JournalMismatchError, match="1 a ended half-way going up") as refused:
            await run(repo, folder)
    assert "ectype resolve 1 --applied" in refused.value.hint
    await migrations.resolve(repo, 1, "applied", folder)
    assert await migrations.applied(repo) == [1]
    assert await migrations.migrate(repo, folder) == []


async def test_a_rollback_in_the_text_is_found_out(repo, folder, write, names):
    write("1_a", "m.execute('CREATE TABLE a (x integer); ROLLBACK', '')")
    with pytest.raises(
        migrations.MigrationFailedError, match="the statement ended the migration's transaction"
    ) as caught:
        await migrations.migrate(repo, folder)
    assert caught.value.unchanged is True
    assert await migrations.applied(repo) == []


async def test_the_journal_says_when_how_long_and_from_which_text(repo, folder, three, write, rows):
    before = datetime.now(UTC)
    await migrations.migrate(repo, folder, step=2)
    await migrations.rollback(repo, folder)
    first, second, third = await migrations.status(repo, folder)
    assert (first.version, first.name, first.state, first.file) == (three[0], "create_users", "up", "ok")
    assert before - timedelta(seconds=1) <= first.finished_at <= datetime.now(UTC)
    assert 0 <= first.duration_ms < 10_000
    assert (second.state, second.finished_at, third.state) == ("pending", None, "pending")
    [row] = await rows(f"SELECT length(checksum), ectype_version, host <> '' FROM {TABLE} WHERE state = 'up'")
    assert (row[0], row[1], bool(row[2])) == (64, "0.1.0", True)


async def test_status_shows_files_that_were_edited_or_are_gone(repo, folder, write):
    edited, gone = write("1_edited"), write("2_gone")
    await migrations.migrate(repo, folder)
    edited.write_text(f"{edited.read_text()}# more\n")
    gone.unlink()
    assert [(one.name, one.file) for one in await migrations.status(repo, folder)] == [
        ("edited", "edited"),
        ("gone", "gone"),
    ]
    with pytest.raises(migrations.JournalMismatchError, match="2 gone is applied, but its file is gone"):
        await migrations.rollback(repo, folder)


async def test_reading_makes_no_journal(repo, folder, write, rows):
    write("1_a")
    assert await migrations.applied(repo) == []
    assert [one.state for one in await migrations.status(repo, folder)] == ["pending"]
    with pytest.raises(DatabaseError, match=TABLE):
        await rows(f"SELECT * FROM {TABLE}")


async def test_a_journal_of_another_tool_is_refused(repo, folder, write, rows):
    await rows(f"CREATE TABLE {TABLE} (version bigint primary key, inserted_at text)")
    write("1_a")
    with pytest.raises(MigrationError, match="is not ectype's journal of migrations") as caught:
        await migrations.migrate(repo, folder)
    assert "another tool made it" in caught.value.hint


async def test_an_older_migration_that_arrives_late_is_applied(repo, folder, three, write):
    await migrations.migrate(repo, folder)
    write("20261101000000_late")
    assert await migrations.migrate(repo, folder) == [20261101000000]
    assert await migrations.rollback(repo, folder) == [three[2]]


async def test_code_can_hand_in_a_migration(repo, names):
    async def create_tags(m):
        with m.create_table("tags") as t:
            t.column("name", str, null=False)

    assert await migrations.up(repo, 1, create_tags) is True
    assert await migrations.up(repo, 1, create_tags) is False
    assert await names() == {"tags"}
    assert await migrations.down(repo, 1, create_tags) is True
    assert await migrations.down(repo, 1, create_tags) is False
    assert await names() == set()
    with pytest.raises(MigrationError, match="the version 0 is out of range"):
        await migrations.up(repo, 0, create_tags)


async def test_each_migration_is_told_when_it_is_committed(repo, folder, three):
    heard = []
    with telemetry.attach(FINISHED, lambda event: heard.append((event.direction, event.version, event.name))):
        await migrations.migrate(repo, folder, step=1)
        await migrations.rollback(repo, folder)
    assert heard == [("up", three[0], "create_users"), ("down", three[0], "create_users")]


async def test_a_cancelled_migration_leaves_nothing(repo, folder, three, write, names):
    slow = {
        "postgres": "SELECT pg_sleep(30)",
        "sqlite": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n",
    }[repo.adapter.dialect.target]
    write("20261121100000_slow", f"m.rename_table('users', to='people')\nm.execute('{slow}', '')")
    running = asyncio.ensure_future(migrations.migrate(repo, folder))
    while await migrations.applied(repo) != three:
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.2)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await names() == ALL
    assert await migrations.applied(repo) == three


ALTERED = """
with m.alter_table("users") as t:
    t.column("score", int, null=False, default=7)
    t.references("boss_id", "users", on_delete="set_null")
    t.remove("age", int)
m.rename_column("users", "score", to="points")
m.create_index("users", "points", where="points > 3")
m.rename_table("users", to="people")
"""


async def test_a_table_with_rows_is_altered_and_altered_back(repo, folder, write, connection, names):
    write("1_users", 'with m.create_table("users") as t:\n    t.column("age", int)\n    t.column("name", str)')
    write("2_alter", ALTERED)
    await migrations.migrate(repo, folder, step=1)
    await connection.execute("INSERT INTO users (age, name) VALUES (1, 'Ada')")
    await migrations.migrate(repo, folder)
    assert await names() == {"people", "users_points_index"}
    row = await connection.fetch("SELECT id, name, points, boss_id FROM people", (), lambda found: tuple(found[0]))
    assert row == (1, "Ada", 7, None)
    await migrations.rollback(repo, folder)
    row = await connection.fetch("SELECT id, name, age FROM users", (), lambda found: tuple(found[0]))
    assert row == (1, "Ada", None)


async def test_a_table_that_others_reference_is_not_dropped(repo, folder, three, write, connection, rows):
    when = "'2026-11-21 07:00:00.000000'"
    await migrations.migrate(repo, folder)
    await connection.execute(f"INSERT INTO users (id, email, inserted_at, updated_at) VALUES (1, 'a', {when}, {when})")
    await connection.execute("INSERT INTO posts (author_id, title) VALUES (1, 'x')")
    write("20261121100000_drop", "m.drop_table('users')\n" + USERS)
    with pytest.raises(migrations.MigrationFailedError, match=r"(?s)DROP TABLE \"users\".*(posts|depend)") as caught:
        await migrations.migrate(repo, folder)
    assert caught.value.unchanged
    assert await rows("SELECT title FROM posts") == [("x",)]


async def test_a_foreign_key_to_nowhere_is_refused(repo, folder, write, names):
    write("1_a", 'with m.create_table("posts") as t:\n    t.references("author_id", "usrs")')
    with pytest.raises(migrations.MigrationFailedError, match="usrs"):
        await migrations.migrate(repo, folder)
    assert await names() == set()


async def test_a_misspelt_column_in_an_index_is_refused(repo, folder, write, names):
    write("1_a", 'with m.create_table("posts") as t:\n    t.column("title", str)\nm.create_index("posts", "titel")')
    with pytest.raises(migrations.MigrationFailedError, match="titel"):
        await migrations.migrate(repo, folder)
    assert await names() == set()


async def test_a_constraint_that_is_checked_at_commit_rolls_the_migration_back(repo, folder, write, names):
    write(
        "1_a",
        text='SQL = """CREATE TABLE a (id integer PRIMARY KEY);\n'
        "CREATE TABLE b (a integer REFERENCES a (id) DEFERRABLE INITIALLY DEFERRED);\n"
        'INSERT INTO b VALUES (1)"""\n\ndef change(m):\n    m.execute(SQL, "")\n',
    )
    with pytest.raises(migrations.MigrationFailedError, match=r"(?i)1 a failed going up\n\n.*foreign key") as caught:
        await migrations.migrate(repo, folder)
    assert (caught.value.unchanged, caught.value.statement) == (True, None)
    assert await names() == set()
    assert await migrations.applied(repo) == []


async def test_a_database_in_memory_is_migrated_on_the_one_connection_of_its_repo(folder, three):
    @dataclass(frozen=True)
    class Memory(Place):
        pool: Pool

    adapter = adapter_for("sqlite:///:memory:")
    repo = Memory(adapter, Pool(adapter))
    assert await migrations.migrate(repo, folder) == three
    assert await migrations.applied(repo) == three
    connection = await repo.pool.acquire(1)
    assert await connection.fetch("SELECT count(*) FROM users", (), lambda found: found[0][0]) == 0
    repo.pool.release(connection)
    await repo.pool.close()


async def test_a_database_in_memory_that_is_nobodys_is_refused(folder, write):
    write("1_a")
    repo = Place(adapter_for("sqlite:///:memory:"))
    for work in (migrations.migrate(repo, folder), migrations.status(repo, folder), migrations.applied(repo)):
        with pytest.raises(UnsupportedError, match=r"ends with its connection.* \(SQLite\)"):
            await work


async def test_a_database_that_may_not_be_written_is_named(tmp_path, folder, write):
    write("1_a")
    (tmp_path / "test.db").touch()
    repo = Place(adapter_for(f"sqlite:///{tmp_path / 'test.db'}?mode=ro"))
    with pytest.raises(DatabaseError, match="readonly"):
        await migrations.migrate(repo, folder)
    assert [one.state for one in await migrations.status(repo, folder)] == ["pending"]


AT_COMMIT = """
CREATE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM {work}; RETURN NULL; END $$;
CREATE TABLE a (id integer);
CREATE CONSTRAINT TRIGGER t AFTER INSERT ON a DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION at_commit();
INSERT INTO a VALUES (1)
"""


@on_postgres
async def test_a_cancelled_commit_is_seen_through(repo, folder, write):
    write("1_a", text=f"def change(m):\n    m.execute({AT_COMMIT.format(work='pg_sleep(0.6)')!r}, '')\n")
    running = asyncio.ensure_future(migrations.migrate(repo, folder))
    await asyncio.sleep(0.4)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await migrations.applied(repo) == [1]


@on_postgres
async def test_a_connection_that_is_lost_during_commit_leaves_an_honest_answer(repo, folder, write):
    lost = AT_COMMIT.format(work="pg_terminate_backend(pg_backend_pid())")
    write("1_a", text=f"def change(m):\n    m.execute({lost!r}, '')\n")
    with pytest.raises(migrations.MigrationFailedError, match="nobody knows whether it was committed") as caught:
        await migrations.migrate(repo, folder)
    assert caught.value.unchanged is False


@on_postgres
async def test_a_connection_that_is_lost_in_the_middle_leaves_nothing(repo, folder, write, names):
    lost = "CREATE TABLE a (id integer); SELECT pg_terminate_backend(pg_backend_pid())"
    write("1_a", f"m.execute('{lost}', '')")
    with pytest.raises(migrations.MigrationFailedError, match="statement 1 of 1") as caught:
        await migrations.migrate(repo, folder)
    assert caught.value.unchanged is True
    assert await names() == set()
    assert await migrations.applied(repo) == []

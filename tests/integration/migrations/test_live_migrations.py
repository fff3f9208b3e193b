"""Migrations that look into the database while they run: `async`, `m.flush()` and `m.repo`, in one transaction."""

import asyncio

import pytest

from ectype import migrations
from ectype.errors import IrreversibleError, MigrationError
from ectype.migrations import Migration
from ectype.query.builder import from_
from ectype.repo.repo import Repo
from ectype.schema.fields import Field, field, primary_key
from ectype.schema.schema import Schema

on_postgres = pytest.mark.parametrize(
    "database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)


class Person(Schema, table="people"):
    id: Field[int] = primary_key()
    name: Field[str]
    initial: Field[str | None] = field(default=None)


def start(m: Migration) -> None:
    with m.create_table("people") as t:
        t.column("name", str, null=False)
    m.execute("INSERT INTO people (name) VALUES ('ada'), ('bob')", "")


async def fill(m: Migration) -> None:
    with m.alter_table("people") as t:
        t.column("initial", str)
    await m.flush()
    for person in await m.repo.all(from_(Person).order_by(Person.id)):
        await m.repo.update_all(from_(Person).where(Person.id == person.id), Person.initial.set(person.name[0]))
    with m.alter_table("people") as t:
        t.modify("initial", str, null=False)


async def empty(m: Migration) -> None:
    with m.alter_table("people") as t:
        t.remove("initial")


class Filling:
    up = staticmethod(fill)
    down = staticmethod(empty)


PEOPLE = "SELECT * FROM people ORDER BY id"


async def test_rows_are_read_and_written_between_two_commands(repo, rows):
    await migrations.up(repo, 1, start)
    assert await migrations.up(repo, 2, Filling())
    assert await rows(PEOPLE) == [(1, "ada", "a"), (2, "bob", "b")]
    assert await migrations.applied(repo) == [1, 2]
    assert await migrations.up(repo, 2, Filling()) is False
    assert await migrations.down(repo, 2, Filling())
    assert await rows(PEOPLE) == [(1, "ada"), (2, "bob")]


async def test_what_a_repo_did_is_undone_with_the_migration(repo, rows):
    async def fails(m):
        await m.repo.insert(Person(name="eve"))
        await m.flush()
        m.execute("INSERT INTO nowhere VALUES (1)", "")

    def people(m):
        with m.create_table("people") as t:
            t.column("name", str, null=False)
            t.column("initial", str)

    await migrations.up(repo, 1, people)
    with pytest.raises(migrations.MigrationFailedError) as caught:
        await migrations.up(repo, 2, fails)
    assert "statement 1:" in str(caught.value)
    assert caught.value.unchanged
    assert await rows(PEOPLE) == []
    assert await migrations.applied(repo) == [1]


async def test_an_error_of_the_function_undoes_what_was_flushed(repo, rows):
    async def fails(m):
        with m.alter_table("people") as t:
            t.column("initial", str)
        await m.flush()
        raise ValueError("no")

    await migrations.up(repo, 1, start)
    with pytest.raises(migrations.MigrationFailedError, match="ValueError: no"):
        await migrations.up(repo, 2, fails)
    assert await rows(PEOPLE) == [(1, "ada"), (2, "bob")]


async def test_a_statement_of_the_repo_that_fails_fails_the_migration(repo, rows):
    async def fails(m):
        await m.repo.query("SELECT * FROM nowhere")

    with pytest.raises(migrations.MigrationFailedError, match="nowhere"):
        await migrations.up(repo, 1, fails)
    assert await migrations.applied(repo) == []


async def test_a_transaction_of_the_repo_is_a_part_of_the_migration(repo, rows):
    async def change(m):
        await m.flush()
        async with m.repo.transaction():
            await m.repo.query("INSERT INTO people (name) VALUES ('eve')")
        async with m.repo.transaction() as tx:
            await m.repo.query("INSERT INTO people (name) VALUES ('mallory')")
            tx.rollback()
        async with m.repo.transaction(), m.repo.transaction():
            await m.repo.query("INSERT INTO people (name) VALUES ('trent')")

    class Both:
        up = staticmethod(change)

        @staticmethod
        def down(m):
            m.execute("DELETE FROM people WHERE id > 2")

    await migrations.up(repo, 1, start)
    assert await migrations.up(repo, 2, Both())
    assert [name for _, name in await rows("SELECT id, name FROM people")] == ["ada", "bob", "eve", "trent"]


async def test_change_that_flushes_cannot_be_rolled_back_and_says_how(repo, rows):
    async def change(m):
        with m.create_table("people") as t:
            t.column("name", str)
        await m.flush()

    assert await migrations.up(repo, 1, change)
    with pytest.raises(IrreversibleError) as caught:
        await migrations.down(repo, 1, change)
    assert "`await m.flush()` cannot be turned round" in caught.value.message
    assert caught.value.hint == "write `up(m)` and `down(m)` in place of `change(m)`"
    assert await migrations.applied(repo) == [1]


async def test_direction_says_where_it_goes(repo):
    seen = []

    async def change(m):
        seen.append(m.direction)

    await migrations.up(repo, 1, change)
    await migrations.down(repo, 1, change)
    assert seen == ["up", "down"]


async def test_the_repo_of_a_migration_in_memory_is_the_one_that_migrates():
    async with Repo("sqlite:///:memory:") as repo:
        await migrations.up(repo, 1, start)
        assert await migrations.up(repo, 2, Filling())
        assert [one.initial for one in await repo.all(from_(Person).order_by(Person.id))] == ["a", "b"]
        found = await repo.query("PRAGMA foreign_keys")
        assert found.rows == [(1,)]


@on_postgres
async def test_an_index_made_concurrently_is_a_step_and_goes_with_no_flush(repo):
    def two(m):
        m.create_index("people", "name", concurrently=True)
        m.create_index("people", "id")

    async def flushed(m):
        await m.flush()
        m.create_index("people", "id", name="another", concurrently=True)

    await migrations.up(repo, 1, start)
    assert await migrations.up(repo, 2, two)
    with pytest.raises((migrations.MigrationFailedError, MigrationError), match="stands alone in its migration"):
        await migrations.up(repo, 3, flushed)
    assert await migrations.applied(repo) == [1, 2]


@on_postgres
async def test_an_index_is_made_and_dropped_while_others_write(repo, connection, rows):
    def change(m):
        m.create_index("people", "name", concurrently=True, unique=True)

    await migrations.up(repo, 1, start)
    assert await migrations.up(repo, 2, change)
    index = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('people_name_index')"
    assert await rows(index) == [(True,)]
    assert await migrations.up(repo, 2, change) is False
    assert await migrations.down(repo, 2, change)
    assert await rows(index) == []
    # A build that fails leaves an index that is not valid, which is dropped; the next run makes it anew.
    await connection.execute("INSERT INTO people (name) VALUES ('ada')")
    with pytest.raises(migrations.MigrationFailedError, match="could not create unique index"):
        await migrations.up(repo, 2, change)
    assert await rows(index) == []
    await connection.execute("DELETE FROM people WHERE id > 2")
    assert await migrations.up(repo, 2, change)
    assert await rows(index) == [(True,)]


async def test_texts_of_files_are_run(repo, rows, tmp_path):
    (tmp_path / "up.sql").write_text("CREATE TABLE a (x int); CREATE TABLE b (x int);")
    (tmp_path / "down.sql").write_text("DROP TABLE a; DROP TABLE b;")

    def change(m):
        m.execute_file(tmp_path / "up.sql", tmp_path / "down.sql")

    def missing(m):
        m.execute_file(tmp_path / "nothing.sql")

    assert await migrations.up(repo, 1, change)
    assert await rows("SELECT count(*) FROM a, b") == [(0,)]
    assert await migrations.down(repo, 1, change)
    with pytest.raises(migrations.MigrationFailedError, match=r"m\.execute_file cannot read"):
        await migrations.up(repo, 2, missing)


@on_postgres
async def test_a_migration_of_a_schema_puts_all_of_it_there(repo, rows):
    m = Migration("up", prefix="tenant")
    with m.create_table("people") as t:
        t.references("boss_id", "people")
    m.create_index("people", "boss_id")
    assert [node.prefix for node in (m.commands()[0].table, m.commands()[1].index)] == ["tenant", "tenant"]
    assert m.commands()[0].table.columns[1].references.prefix == "tenant"
    with pytest.raises(MigrationError, match='a command has prefix="other", and the migration runs in `tenant`'):
        m.create_index("people", "boss_id", prefix="other")


async def test_a_rebuild_may_come_before_a_flush(repo, rows):
    async def up(m):
        with m.alter_table("people") as t:
            t.modify("name", str, default="nobody")
        try:
            await m.flush()
        except Exception as exc:
            raise AssertionError from exc
        await m.repo.insert(Person(name="eve"))

    def start_with_initials(m):
        start(m)
        with m.alter_table("people") as t:
            t.column("initial", str)

    class Rebuilding:
        pass

    Rebuilding.up = staticmethod(up)
    await migrations.up(repo, 1, start_with_initials)
    assert await migrations.up(repo, 2, Rebuilding())
    assert [name for _, name, _ in await rows(PEOPLE)] == ["ada", "bob", "eve"]


async def test_hooks_stand_around_every_direction(repo, write, folder, rows):
    write("1_log", text="def change(m):\n    with m.create_table('log') as t:\n        t.column('line', str)\n")
    write(
        "2_hooked",
        text="""
def after_begin(m):
    m.execute(f"INSERT INTO log (line) VALUES ('begin {m.direction}')")

def change(m):
    m.execute("INSERT INTO log (line) VALUES ('change')", "INSERT INTO log (line) VALUES ('undo')")

async def before_commit(m):
    found = await m.repo.query("SELECT count(*) FROM log")
    m.execute("INSERT INTO log (line) VALUES ('commit')")
    assert found.rows[0][0] in (2, 5)
""",
    )
    await migrations.migrate(repo, folder)
    await migrations.rollback(repo, folder)
    lines = [line for (line,) in await rows("SELECT line FROM log ORDER BY id")]
    assert lines == ["begin up", "change", "commit", "begin down", "undo", "commit"]


ENDLESS = {
    "an index": "    m.execute('SELECT 1', '')\n    m.create_index('log', 'line', concurrently=True)\n",
    "a text": "    m.execute('CREATE INDEX CONCURRENTLY log_line ON log (line)', 'DROP INDEX CONCURRENTLY log_line')\n",
    "the file": "    m.execute('CREATE TABLE b (n int)', 'DROP TABLE b')\n\ntransaction = False\n",
}


@on_postgres
@pytest.mark.parametrize("hook", ["after_begin", "before_commit"])
@pytest.mark.parametrize("why", ENDLESS)
async def test_hooks_of_a_migration_that_is_no_transaction_are_refused_with_nothing_done(
    repo, write, folder, rows, hook, why
):
    write("1_log", text="def change(m):\n    with m.create_table('log') as t:\n        t.column('line', str)\n")
    hooked = f"def {hook}(m):\n    m.execute(\"INSERT INTO log (line) VALUES ('here')\", '')\n"
    write("2_hooked", text=f"{hooked}\ndef change(m):\n{ENDLESS[why]}")
    said = "it says `transaction = False`" if why == "the file" else "this cannot run in one:\n\n    CREATE INDEX CONC"
    with pytest.raises(MigrationError) as caught:
        await migrations.migrate(repo, folder)
    assert f"2_hooked.py has `{hook}` for its transaction, and {said}" in str(caught.value)
    assert caught.value.hint is not None
    assert await migrations.applied(repo) == []
    with pytest.raises(MigrationError, match=f"has `{hook}` for its transaction"):
        await migrations.plan_run(repo, folder, migrations.Goal("up"))


VIEWS = ("SELECT id FROM people", "SELECT id, name FROM people", "SELECT name FROM people")


def first_view(m: Migration) -> None:
    m.create_view("seen", VIEWS[0])


def second_view(m: Migration) -> None:
    m.replace_view("seen", VIEWS[1], was="SELECT id  FROM people")


async def test_a_view_that_somebody_changed_meanwhile_is_not_replaced(repo, connection, rows):
    await migrations.up(repo, 1, start)
    await migrations.up(repo, 2, first_view)
    await connection.execute("DROP VIEW seen")
    await connection.execute("CREATE VIEW seen AS SELECT name FROM people")
    with pytest.raises(migrations.MigrationFailedError) as caught:
        await migrations.up(repo, 3, second_view)
    assert "the view `seen` is not what `was=` says: the database has the text " in str(caught.value)
    assert await rows("SELECT * FROM seen") == [("ada",), ("bob",)]
    await connection.execute("DROP VIEW seen")
    await connection.execute("create view seen as select id from people")
    assert await migrations.up(repo, 3, second_view)
    assert await migrations.down(repo, 3, second_view)
    assert await rows("SELECT * FROM seen") == [(1,), (2,)]


@on_postgres
async def test_functions_triggers_and_materialized_views_are_known_by_what_they_do(repo, connection, rows):
    bodies = [f"RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.name = '{n}'; RETURN NEW; END $$" for n in "abc"]

    def made(m):
        m.create_function("named", "", bodies[0])
        m.create_trigger("naming", "people", "BEFORE INSERT", "FOR EACH ROW EXECUTE FUNCTION named()")
        m.create_view("counted", "SELECT count(*) AS n FROM people", materialized=True)

    def replaced(m):
        m.replace_function("named", "", bodies[1], was=bodies[0])
        m.replace_trigger(
            "naming",
            "people",
            "BEFORE UPDATE",
            "FOR EACH ROW EXECUTE FUNCTION named()",
            was=("BEFORE INSERT", "FOR EACH ROW EXECUTE PROCEDURE named()"),
        )
        m.replace_view("counted", "SELECT 1 AS n", was="SELECT count( * ) AS n FROM people", materialized=True)

    await migrations.up(repo, 1, start)
    await migrations.up(repo, 2, made)
    assert await migrations.up(repo, 3, replaced)
    assert await rows("SELECT n FROM counted") == [(1,)]
    assert await migrations.down(repo, 3, replaced)
    assert await rows("SELECT n FROM counted") == [(2,)]
    for change, what in (
        ("CREATE OR REPLACE FUNCTION named() " + bodies[2], "the function `named`"),
        ("DROP TRIGGER naming ON people", "the trigger `naming` of `people`"),
    ):
        await connection.execute("BEGIN")
        await connection.execute(change)
        await connection.execute("COMMIT")
        with pytest.raises(migrations.MigrationFailedError, match=f"{what} is not what|trigger .naming. for table"):
            await migrations.up(repo, 3, replaced)
        await connection.execute("CREATE OR REPLACE FUNCTION named() " + bodies[0])
    assert await migrations.applied(repo) == [1, 2]


@on_postgres
async def test_one_function_of_a_name_is_replaced_and_dropped_among_others(repo, rows):
    def made(m):
        m.create_function("f", "a int", "RETURNS int LANGUAGE sql AS $$ SELECT 1 $$")
        m.create_function("f", "a text", "RETURNS int LANGUAGE sql AS $$ SELECT 2 $$")

    def replaced(m):
        was = "RETURNS int LANGUAGE sql AS $$ SELECT 2 $$"
        m.replace_function("f", "a text", "RETURNS int LANGUAGE sql AS $$ SELECT 3 $$", was=was)

    await migrations.up(repo, 1, made)
    await migrations.up(repo, 2, replaced)
    assert await rows("SELECT f(1), f('x'::text)") == [(1, 3)]
    await migrations.down(repo, 2, replaced)
    assert await rows("SELECT f(1), f('x'::text)") == [(1, 2)]
    await migrations.down(repo, 1, made)
    assert await rows("SELECT count(*) FROM pg_proc WHERE proname = 'f'") == [(0,)]


async def test_a_migration_that_is_cancelled_while_it_runs_leaves_nothing(repo, rows):
    reached = asyncio.Event()

    async def waits(m):
        with m.alter_table("people") as t:
            t.modify("name", str, default="nobody")
            t.column("initial", str)
        await m.flush()
        await m.repo.insert(Person(name="eve"))
        reached.set()
        await asyncio.Event().wait()

    await migrations.up(repo, 1, start)
    task = asyncio.create_task(migrations.up(repo, 2, waits))
    await asyncio.wait_for(reached.wait(), 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await rows(PEOPLE) == [(1, "ada"), (2, "bob")]
    assert await migrations.applied(repo) == [1]
    assert await migrations.up(repo, 2, Filling())


async def test_a_flush_that_nobody_awaits_is_refused(repo):
    kept = []

    def forgets(m):
        kept.append(m.flush())

    with pytest.raises(migrations.MigrationFailedError) as caught:
        await migrations.up(repo, 1, forgets)
    assert "`m.flush()` was called without `await`" in str(caught.value)
    assert caught.value.hint == "write `await m.flush()`, in an `async def`"
    for coroutine in kept:
        coroutine.close()
    assert await migrations.applied(repo) == []

"""Migrations that look into the database while they run: `async`, `m.flush()` and `m.repo`, in one transaction."""

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


async def test_an_index_made_concurrently_stands_alone(repo):
    def two(m):
        m.create_index("people", "name", concurrently=True)
        m.create_index("people", "id")

    async def flushed(m):
        await m.flush()
        m.create_index("people", "name", concurrently=True)

    await migrations.up(repo, 1, start)
    for change in (two, flushed):
        with pytest.raises((migrations.MigrationFailedError, MigrationError), match="stands alone in its migration"):
            await migrations.up(repo, 2, change)
    assert await migrations.applied(repo) == [1]


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
    # A build that fails leaves an index that is not valid; the next run drops it and makes it anew.
    await connection.execute("INSERT INTO people (name) VALUES ('ada')")
    with pytest.raises(migrations.MigrationFailedError, match="could not create unique index"):
        await migrations.up(repo, 2, change)
    assert await rows(index) == [(False,)]
    assert await migrations.applied(repo) == [1]
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

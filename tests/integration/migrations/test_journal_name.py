"""The journal under a name of the project's own, wherever the journal is written, read, shown or left out."""

import json
import sqlite3
import subprocess
from contextlib import closing
from shutil import which
from typing import Any

import pytest
from typer.testing import CliRunner

from ectype import Repo, migrations
from ectype.adapters.registry import adapter_for
from ectype.adapters.url import parse
from ectype.cli.app import app
from ectype.cli.settings import Project, database_of, find_project
from ectype.errors import ConfigError, MigrationError
from ectype.migrations import Goal, guard_postgres
from ectype.migrations.diff.planning import diff, drifted
from ectype.migrations.offline import script
from ectype.migrations.patience import Patience
from ectype.migrations.storage import dump, load
from ectype.schema.registry import Registry
from ectype.schema.schema import Schema
from tests.integration.migrations.conftest import Place

NAMES = {
    "postgres": "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
    "sqlite": "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
}
USERS = "m.execute('CREATE TABLE users (id integer PRIMARY KEY, name text)', 'DROP TABLE users')"
POSTS = "m.execute('CREATE TABLE posts (id integer PRIMARY KEY)', 'DROP TABLE posts')"


@pytest.fixture
def repo(database_url):
    """A repo whose journal is called `changes`."""
    return Place(adapter_for(database_url, migration_source="changes"))


@pytest.fixture
def tables(rows, repo):
    async def tables() -> set[str]:
        return {row[0] for row in await rows(NAMES[repo.adapter.dialect.target])}

    return tables


async def test_a_run_writes_and_reads_the_journal_that_it_was_told(repo, folder, write, rows, tables):
    write("1_users", USERS)
    write("2_posts", POSTS)
    assert await migrations.migrate(repo, folder, step=1) == [1]
    assert await migrations.pending(repo, folder) == [2]
    assert await migrations.migrate(repo, folder) == [2]
    assert await tables() == {"changes", "users", "posts"}
    assert await rows("SELECT version, name, state FROM changes ORDER BY 1") == [(1, "users", "up"), (2, "posts", "up")]
    assert [one.state for one in await migrations.status(repo, folder)] == ["up", "up"]
    assert await migrations.verify(repo, folder) == []
    assert await migrations.rollback(repo, folder) == [2]
    assert await migrations.applied(repo) == [1]


async def test_what_puts_the_journal_right_finds_it(repo, folder, write, rows, tables):
    write("1_users", USERS)
    write("2_posts", POSTS)
    assert await migrations.baseline(repo, 1, folder) == [1]
    await migrations.resolve(repo, 2, "applied", folder)
    assert await migrations.migrate(repo, folder, fake=True) == []
    assert await tables() == {"changes"}
    assert await rows("SELECT version FROM changes ORDER BY 1") == [(1,), (2,)]


async def test_steps_and_backfills_keep_their_place_in_it(repo, folder, write, rows, connection):
    write("1_users", text=f"transaction = False\n\n\ndef change(m):\n    {USERS}\n    {POSTS}\n")
    (folder / "backfills").mkdir()
    (folder / "backfills" / "names.py").write_text(
        'from ectype.migrations import Backfill\n\nbackfill = Backfill("users", set="name = \'x\'", batch=2)\n'
    )
    assert await migrations.migrate(repo, folder) == [1]
    assert await rows("SELECT version, step, steps FROM changes") == [(1, 2, 2)]
    for number in range(1, 6):
        await connection.execute(f"INSERT INTO users VALUES ({number}, 'a')")
    result = await migrations.backfill(repo, "names", folder)
    assert (result.rows, result.updated, result.batches) == (5, 5, 3)
    assert await rows("SELECT name, step, steps FROM changes WHERE version < 0") == [("backfill names", 3, 5)]


async def test_two_journals_in_one_database_are_two_rows_of_migrations(repo, database_url, tmp_path, tables):
    other = Place(adapter_for(database_url))
    for name, change in (("a", USERS), ("b", POSTS)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1_first.py").write_text(f"def change(m):\n    {change}\n")
    # Each has a lock of its own too, so neither waits for the other.
    assert await migrations.migrate(repo, tmp_path / "a") == [1]
    assert await migrations.migrate(other, tmp_path / "b") == [1]
    assert await tables() == {"changes", "schema_migrations", "users", "posts"}
    assert await migrations.rollback(repo, tmp_path / "a") == [1]
    assert await migrations.applied(other) == [1]


@pytest.mark.postgres
async def test_a_run_of_one_journal_does_not_wait_for_a_run_of_another(fresh_postgres_url, folder, write):
    write("1_users", USERS)
    other = Place(adapter_for(fresh_postgres_url))
    async with guard_postgres.hold(adapter_for(fresh_postgres_url, migration_source="changes"), Patience()):
        assert await migrations.lock_holder(other) == "free"
        assert await migrations.migrate(other, folder, lock_wait=0.2) == [1]


async def test_no_catalogue_shows_the_journal_and_the_hash_does_not_know_it(repo, database_url, folder, write):
    write("1_users", USERS)
    empty = await migrations.schema_hash(repo)
    await migrations.migrate(repo, folder)
    await migrations.rollback(repo, folder)
    assert await migrations.schema_hash(repo) == empty

    class Application(Schema, abstract=True, registry=Registry()):
        """Nothing is declared."""

    config = database_of(database_url, Project(folder.parent, migration_source="changes"), {})
    found = await diff(config, Application, folder, renames=()) if await migrations.migrate(repo, folder) else None
    assert found is not None
    assert [one.name for one in found.difference.unmanaged] == []
    against = await drifted(config, folder)
    assert (against.difference.steps, against.difference.unmanaged) == ([], [])
    # Who does not know its name takes it for a table like any other, and leaves it alone.
    stranger = await drifted(database_url, folder)
    assert "changes" in [one.name for one in stranger.difference.unmanaged]


@pytest.mark.parametrize("there", [False, True], ids=["no journal yet", "a journal"])
async def test_a_script_writes_into_it(repo, database_url, folder, write, tables, there):
    write("1_users", USERS)
    write("2_posts", POSTS)
    if there:
        await migrations.migrate(repo, folder, step=1)
    plan = await migrations.plan_run(repo, folder, Goal("up"))
    text = script(plan, version="0")
    assert "schema_migrations" not in text
    if repo.adapter.dialect.target == "sqlite":
        with closing(sqlite3.connect(parse(database_url).path)) as raw:
            raw.executescript(text)
    else:
        psql = which("psql")
        if psql is None:
            pytest.skip("psql is not installed")
        done = subprocess.run([psql, "-v", "ON_ERROR_STOP=1", "-q", database_url], input=text, text=True, check=False)
        assert done.returncode == 0
    assert await tables() == {"changes", "users", "posts"}
    assert await migrations.applied(repo) == [1, 2]


async def test_a_dump_has_its_rows_and_a_load_brings_them_back(repo, database_url, folder, write, tmp_path, request):
    if repo.adapter.dialect.target == "postgres" and which("pg_dump") is None:
        pytest.skip("pg_dump is not installed")
    write("1_users", USERS)
    await migrations.migrate(repo, folder)
    config = database_of(database_url, Project(tmp_path, migration_source="changes"), {})
    try:
        await dump(config, tmp_path / "structure.sql")
    except ConfigError as exc:
        pytest.skip(exc.message)
    if repo.adapter.dialect.target == "sqlite":
        fresh = f"sqlite:///{tmp_path / 'fresh.db'}"
    else:
        server: Any = request.getfixturevalue("postgres_server")
        fresh = server.create_database()
        request.addfinalizer(lambda: server.drop_database(fresh))
    assert await load(fresh, tmp_path / "structure.sql")
    assert await migrations.applied(Place(adapter_for(fresh, migration_source="changes"))) == [1]


async def test_a_squash_is_counted_by_it(repo, database_url, folder, write):
    write("1_users", USERS)
    write("2_posts", POSTS)
    await migrations.migrate(repo, folder)
    made = await migrations.squash(
        database_of(database_url, Project(folder.parent, migration_source="changes"), {}), 2, folder
    )
    assert made.versions == (1, 2)
    assert await migrations.migrate(repo, folder) == []
    assert await migrations.verify(repo, folder) == []


async def test_another_tools_table_of_that_name_is_left_alone(repo, folder, write, connection, tables):
    write("1_users", USERS)
    await connection.execute("CREATE TABLE changes (what text)")
    with pytest.raises(MigrationError, match="the table `changes` is not ectype's journal") as caught:
        await migrations.migrate(repo, folder)
    assert "migration_source=" in (caught.value.hint or "")
    assert await tables() == {"changes"}


async def test_a_repo_hands_its_name_to_the_migrations(database_url, folder, write, tables):
    write("1_users", USERS)
    async with Repo(database_url, migration_source="changes") as repo:
        assert await migrations.migrate(repo, folder) == [1]
    assert await tables() == {"changes", "users"}


async def test_a_migration_that_reads_rows_has_a_repo_that_knows_it(repo, folder, write, tables):
    write(
        "1_users",
        text="async def up(m):\n"
        "    m.execute('CREATE TABLE users (name text)')\n"
        "    await m.flush()\n"
        "    assert m.repo.adapter.migrating.source == 'changes'\n"
        "\n\ndef down(m):\n    m.execute('DROP TABLE users')\n",
    )
    assert await migrations.migrate(repo, folder) == [1]
    assert await tables() == {"changes", "users"}


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("", "take lower-case letters"),
        ("Changes", "take lower-case letters"),
        ("a b", "take lower-case letters"),
        ('x"; DROP TABLE users; --', "take lower-case letters"),
        ("1st", "take lower-case letters"),
        ("sqlite_changes", "not `sqlite_…`"),
        ("x" * 64, "63 at most"),
        ("audit.changes", "a schema is said with `prefix=`"),
        (3, "take lower-case letters"),
    ],
)
def test_a_name_that_cannot_be_one_is_refused_before_anything_is_reached(name, hint):
    with pytest.raises(ConfigError, match="cannot be the table of the migrations") as caught:
        Repo("postgresql://nowhere.invalid/blog", migration_source=name)
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize("setting", [{"migration_source": "changes"}, {"migration_lock": "transaction"}])
def test_an_adapter_has_its_own_and_takes_none_from_a_repo(setting):
    with pytest.raises(ConfigError, match=f"{next(iter(setting))} cannot change them"):
        Repo(adapter_for("sqlite:///:memory:"), **setting)


PROJECT = """
[tool.ectype]
migration_source = "changes"

[tool.ectype.repos.plain]
migrations = "migrations"

[tool.ectype.repos.reports]
migrations = "migrations"
migration_source = "report_changes"
"""


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({}, "changes"),
        ({"ECTYPE_MIGRATION_SOURCE": "env_changes"}, "env_changes"),
        ({"ECTYPE_REPO": "plain"}, "changes"),
        ({"ECTYPE_REPO": "reports"}, "report_changes"),
        ({"ECTYPE_REPO": "reports", "ECTYPE_REPORTS_MIGRATION_SOURCE": "env_changes"}, "env_changes"),
        ({"ECTYPE_REPO": "reports", "ECTYPE_MIGRATION_SOURCE": "not_for_it"}, "report_changes"),
    ],
)
def test_it_is_said_in_the_file_for_all_or_one_repo_and_in_the_environment(tmp_path, environ, name):
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    found = database_of("sqlite:///a.db", find_project(tmp_path, environ), environ)
    assert found.migrating.source == name


def test_the_commands_take_it_from_the_file(tmp_path, monkeypatch, write, database_url):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    (tmp_path / "pyproject.toml").write_text('[tool.ectype]\nmigration_source = "changes"\n')
    write("1_users", USERS)

    def ectype(*arguments: str) -> Any:
        return CliRunner().invoke(app, arguments, prog_name="ectype", catch_exceptions=False)

    assert ectype("migrate").exit_code == 0
    assert json.loads(ectype("status", "--json").stdout)["migrations"][0]["state"] == "up"
    assert ectype("drift", "--against", "files").exit_code == 0
    assert ectype("verify").exit_code == 0
    written = ectype("gen", "schema", "--from-database")
    assert "Change" not in (tmp_path / "schemas.py").read_text(), written.stdout
    (tmp_path / "pyproject.toml").write_text('[tool.ectype]\nmigration_source = "no name"\n')
    refused = ectype("status")
    assert (refused.exit_code, refused.stderr.splitlines()[0]) == (
        2,
        "error: migration_source='no name' cannot be the table of the migrations",
    )


@pytest.mark.postgres
async def test_the_schema_of_the_url_holds_the_journal_and_the_tables_for_runs_and_diffs_alike(
    fresh_postgres_url, folder, write, tmp_path
):
    """What `migration_default_prefix` says in Ecto."""
    plain = adapter_for(fresh_postgres_url)
    connection = await plain.connect(10)
    await connection.execute("CREATE SCHEMA app")
    write("1_users", USERS)
    url = f"{fresh_postgres_url}{'&' if '?' in fresh_postgres_url else '?'}options=-c search_path=app"
    place = Place(adapter_for(url))
    assert await migrations.migrate(place, folder) == [1]
    found = await connection.fetch(
        "SELECT schemaname::text, tablename::text FROM pg_tables WHERE schemaname IN ('app', 'public') ORDER BY 2",
        (),
        list,
    )
    await connection.close()
    assert [tuple(row) for row in found] == [("app", "schema_migrations"), ("app", "users")]
    against = await drifted(url, folder)
    assert (against.difference.steps, against.difference.unmanaged) == ([], [])

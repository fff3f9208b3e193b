"""What a run tells: `--json` line by line, notices of the server, its own SQL, and how long a statement may take."""

import asyncio
import json
import os
import re
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from ectype import migrations, telemetry
from ectype.cli.app import app
from ectype.errors import UnsupportedError
from ectype.migrations.events import NOTICED, SENT

on_postgres = pytest.mark.parametrize(
    "database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
A = "m.execute('CREATE TABLE a (x integer)', 'DROP TABLE a')"
WAITS = """
import asyncio
from pathlib import Path


async def up(m):
    m.execute("CREATE TABLE b (x integer)")
    await m.flush()
    while not Path("go").exists():
        await asyncio.sleep(0.02)


def down(m):
    m.execute("DROP TABLE b")
"""
NOTICE = """
def up(m):
    m.execute("DO $$ BEGIN RAISE NOTICE 'three rows are odd' USING HINT = 'look at them'; END $$")


def down(m):
    m.execute("DO $$ BEGIN RAISE WARNING 'going back'; END $$")
"""


@pytest.fixture
def ectype(tmp_path, database_url, monkeypatch):
    """Run a command line in this process, in a project of its own."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "ECTYPE_STATEMENT_TIMEOUT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABASE_URL", database_url)
    return lambda *arguments: CliRunner().invoke(app, arguments, prog_name="ectype", catch_exceptions=False)


def objects(text):
    return [json.loads(line) for line in text.splitlines()]


def test_json_is_one_object_for_each_event(ectype, write, repo):
    write("1_a", A)
    write("2_b", "m.execute('CREATE TABLE b (x integer)', 'DROP TABLE b')")
    applied = objects(ectype("migrate", "--json").stdout)
    assert [(one["event"], one.get("version")) for one in applied] == [
        ("started", 1),
        ("finished", 1),
        ("started", 2),
        ("finished", 2),
        ("done", None),
    ]
    assert applied[0] == {
        "event": "started",
        "version": 1,
        "name": "a",
        "direction": "up",
        "statements": 1,
        "done": 0,
    }
    assert [(one["version"], one["name"]) for one in applied[-1]["applied"]] == [(1, "a"), (2, "b")]
    assert applied[-1]["schema_sha256"] == asyncio.run(migrations.schema_hash(repo))
    back = objects(ectype("rollback", "--json", "--to", "1", "--log-migrations-sql").stdout)
    assert [one["event"] for one in back] == ["started", "statement", "finished"] * 2 + ["done"]
    assert back[1]["sql"] == "DROP TABLE b"
    assert [one["version"] for one in back[-1]["rolled_back"]] == [2, 1]


def test_the_last_event_of_a_failed_run_says_why_and_with_which_code(ectype, write):
    write("1_a", A)
    write("2_again", A)
    failed = ectype("migrate", "--json")
    told = objects(failed.stdout)
    assert [one["event"] for one in told] == ["started", "finished", "started", "failed"]
    assert (failed.exit_code, told[-1]["exit_code"], told[-1]["error"]["type"]) == (8, 8, "MigrationFailedError")
    assert failed.stderr == ""


def test_events_come_through_a_pipe_while_the_run_goes_on(tmp_path, database_url, write):
    write("1_a", A)
    write("2_waits", text=WAITS)
    run = subprocess.Popen(
        [sys.executable, "-m", "ectype", "migrate", "--json"],
        cwd=tmp_path,
        env={**os.environ, "DATABASE_URL": database_url},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert run.stdout is not None
    try:
        early = [json.loads(run.stdout.readline()) for _ in range(3)]
        assert [(one["event"], one["version"]) for one in early] == [("started", 1), ("finished", 1), ("started", 2)]
        assert run.poll() is None, "the run has not ended: its second migration waits"
    finally:
        (tmp_path / "go").touch()
        rest, _ = run.communicate(timeout=60)
    assert [one["event"] for one in objects(rest)] == ["finished", "done"]
    assert run.returncode == 0


def test_each_step_is_an_event(ectype, write):
    write("1_steps", text=f"transaction = False\n\n\ndef change(m):\n    {A}\n    {A.replace(' a', ' b')}\n")
    told = objects(ectype("migrate", "--json").stdout)
    assert [(one["event"], one.get("step")) for one in told] == [
        ("started", None),
        ("step", 1),
        ("step", 2),
        ("finished", None),
        ("done", None),
    ]


@on_postgres
def test_what_the_server_says_reaches_the_user(ectype, write):
    write("1_notice", text=NOTICE)
    applied = ectype("migrate")
    assert applied.stderr == "1 notice: notice: three rows are odd\n    look at them\n"
    (warning,) = [one for one in objects(ectype("rollback", "--json").stdout) if one["event"] == "notice"]
    assert (warning["version"], warning["severity"], warning["message"]) == (1, "WARNING", "going back")
    assert ectype("migrate", "--quiet").stderr == ""


@on_postgres
async def test_a_notice_of_a_step_is_told_to_code(repo, folder, write):
    write("1_notice", text=f"transaction = False\n{NOTICE}")
    heard = []
    with telemetry.attach(NOTICED, heard.append):
        await migrations.migrate(repo, folder)
    assert [(one.version, one.severity, one.message, one.hint) for one in heard] == [
        (1, "NOTICE", "three rows are odd", "look at them")
    ]


def test_the_sql_of_the_run_itself_is_told_when_that_is_asked_for(ectype, write, database_url):
    write("1_a", A)
    told = ectype("migrate", "--log-migrator-sql").stderr
    assert 'INSERT INTO "schema_migrations"' in told
    assert "COMMIT" in told
    assert ("pg_try_advisory_lock" in told) == database_url.startswith("postgres")
    assert ("SET LOCAL lock_timeout = 2000" in told) == database_url.startswith("postgres")
    assert "CREATE TABLE a" not in told
    assert all(re.fullmatch(r"migrator, \d+ ms:", line) for line in told.splitlines() if line.startswith("migrator"))
    events = objects(ectype("rollback", "--json", "--log-migrator-sql").stdout)
    assert "COMMIT" in [one["sql"] for one in events if one["event"] == "migrator"]
    assert "migrator" not in ectype("migrate").stderr


async def test_the_values_that_the_run_sends_are_not_told(repo, folder, write):
    write("1_secret_name", A)
    heard = []
    with telemetry.attach(SENT, heard.append):
        await migrations.migrate(repo, folder)
    assert heard
    assert not any("secret_name" in one.sql for one in heard)


SLOW = "m.execute('SELECT pg_sleep(20)', '')"


@on_postgres
def test_a_statement_takes_no_longer_than_its_timeout(ectype, write, tmp_path):
    write("1_slow", SLOW)
    failed = ectype("migrate", "--statement-timeout", "0.1s")
    assert failed.exit_code == 8
    assert "canceling statement due to statement timeout" in failed.stderr
    assert "rolled back: the database is unchanged\n\nhint: raise `statement_timeout`" in failed.stderr
    (tmp_path / "pyproject.toml").write_text('[tool.ectype]\nstatement_timeout = "0.1s"\n')
    assert ectype("migrate").exit_code == 8
    (tmp_path / "pyproject.toml").write_text('[tool.ectype]\nstatement_timeout = "soon"\n')
    wrong = ectype("migrate")
    assert (wrong.exit_code, wrong.stderr.splitlines()[0]) == (
        2,
        "error: `statement_timeout` is 'soon', which is no number of seconds",
    )


@on_postgres
async def test_the_timeout_ends_with_the_transaction(repo, folder, write, rows):
    write("1_a", A)
    write(
        "2_timeout",
        text="async def up(m):\n    assert (await m.repo.query('SHOW statement_timeout')).rows == [('7s',)]\n",
    )
    assert await migrations.migrate(repo, folder, statement_timeout=7.0) == [1, 2]
    assert await rows("SHOW statement_timeout") == [("0",)]


@on_sqlite
async def test_a_timeout_is_refused_where_the_database_has_none(repo, folder, write):
    write("1_a", A)
    with pytest.raises(UnsupportedError, match="statement_timeout=7 is not what SQLite can do"):
        await migrations.migrate(repo, folder, statement_timeout=7.0)


def test_migrate_in_many_schemas_has_the_same_options_wherever_it_stands():
    def options(*command):
        text = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"}).stdout
        return set(re.findall(r"--[a-z-]+", text))

    one, many, back = options("migrate"), options("tenants", "migrate"), options("rollback")
    assert one - many == {"--plan", "--sql", "--prefix", "--tenants"}
    assert many - one == set()
    assert one - back == {"--tenants", "--strict-order", "--parallel", "--fail-fast", "--allow"}


@on_postgres
async def test_tenants_migrate_goes_as_far_as_it_is_told(ectype, write, rows):
    for name in ("t_a", "t_b"):
        await rows(f"CREATE SCHEMA {name}")
    write("1_a", A)
    write("2_b", A.replace(" a ", " b ").replace("TABLE a", "TABLE b"))
    told = await asyncio.to_thread(ectype, "tenants", "migrate", "t_*", "--step", "1", "--json")
    assert [(one["event"], one.get("applied")) for one in objects(told.stdout)] == [
        ("tenant", [1]),
        ("tenant", [1]),
        ("done", None),
    ]
    fake = await asyncio.to_thread(ectype, "migrate", "--tenants", "t_*", "--fake", "--fail-fast")
    assert sorted(fake.stdout.splitlines()) == ["2 schemas are up to date", "t_a: 1 applied", "t_b: 1 applied"]
    assert await rows("SELECT to_regclass('t_a.b') IS NULL") == [(True,)]
    alone = await asyncio.to_thread(ectype, "migrate", "--fail-fast")
    assert (alone.exit_code, alone.stderr.splitlines()[0]) == (2, "error: `--fail-fast` belongs to --tenants")

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ectype.cli.app import app

USERS = 'with m.create_table("users") as t:\n    t.column("email", str, null=False)'


@dataclass(frozen=True)
class Outcome:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def environ(database_url):
    without = ("NO_COLOR", "FORCE_COLOR", "COLUMNS")
    kept = {key: value for key, value in os.environ.items() if key not in without}
    return kept | {"DATABASE_URL": database_url, "PYTHONWARNINGS": "error"}


@pytest.fixture
def process(tmp_path, environ):
    """Start `python -m ectype …` in a project of its own, as a user does in a pipe."""

    def start(*arguments):
        # What runs in the background of a shell ignores the signal, and would hand that down.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            return subprocess.Popen(
                [sys.executable, "-u", "-m", "ectype", *arguments],
                cwd=tmp_path,
                env=environ,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        finally:
            signal.signal(signal.SIGINT, before)

    return start


@pytest.fixture
def ectype(tmp_path, environ, monkeypatch):
    """Run a command line in this process, which is five times as quick."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments, **extra):
        monkeypatch.setenv("DATABASE_URL", environ["DATABASE_URL"])
        result = CliRunner().invoke(app, arguments, env=extra, prog_name="ectype", catch_exceptions=False)
        return Outcome(result.exit_code, result.stdout, result.stderr)

    return run


def masked(text):
    """Hide what changes from run to run: durations, times, and where the database is."""
    text = re.sub(r"\d+ ms", "N ms", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "WHEN", text)
    text = re.sub(r"sha256 [0-9a-f]{4}…[0-9a-f]{2}", "sha256 HASH", text)
    return re.sub(r"(?m)^(postgresql:.*   \w+ \d+\.\d+   lock: free|sqlite:.*   \w+ \d+\.\d+)$", "URL   DATABASE", text)


def ended(run):
    out, err = run.communicate(timeout=60)
    return Outcome(run.returncode, out, err)


def test_a_project_from_its_first_migration_to_none(process, ectype, tmp_path):
    made = ended(process("gen", "migration", "CreateUsers"))
    assert (made.returncode, made.stderr) == (0, "")
    path = tmp_path / made.stdout.removeprefix("wrote ").strip()
    version = path.name.removesuffix("_create_users.py")
    assert path.parent.name == "migrations"
    path.write_text(path.read_text() + "\n".join(f"    {line}" for line in USERS.splitlines()))

    pending = ectype("status", "--check")
    assert pending.returncode == 3
    assert masked(pending.stdout) == (
        "URL   DATABASE\n"
        "Version         Name          State    When  Took\n"
        f"{version}  create_users  pending\n"
        "0 up, 1 pending\n"
    )
    applied = ended(process("migrate"))
    assert (applied.returncode, masked(applied.stdout)) == (
        0,
        f"applied {version} create_users (N ms)\n1 applied · schema sha256 HASH · lock released\n",
    )
    shown = ectype("status", "--check")
    assert shown.returncode == 0
    assert masked(shown.stdout).split() == (
        f"URL DATABASE Version Name State When Took {version} create_users up WHEN N ms 1 up, 0 pending".split()
    )
    assert ectype("migrate").stdout == "nothing to migrate: everything is applied\n"
    back = ectype("rollback")
    assert (
        masked(back.stdout)
        == f"rolled back {version} create_users (N ms)\n1 rolled back · schema sha256 HASH · lock released\n"
    )
    assert ectype("rollback", "--all").stdout == "nothing to roll back\n"


def test_json_is_one_object_and_quiet_is_silent(ectype, write, repo):
    write("1_users", USERS)
    write("2_more", 'm.create_index("users", "email")')
    assert ectype("migrate", "--step", "1").returncode == 0
    status = json.loads(ectype("status", "--json").stdout)
    assert [(one["version"], one["state"], one["file"]) for one in status["migrations"]] == [
        (1, "up", "ok"),
        (2, "pending", "ok"),
    ]
    quiet = ectype("migrate", "--quiet")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")


def test_a_failing_migration_says_what_and_ends_with_8(ectype, write, repo):
    write("1_users", USERS)
    write("2_broken", 'm.create_index("users", "emial")')
    failed = ectype("migrate")
    statement = {
        "postgres": ('("emial")', 'column "emial" does not exist (42703)'),
        "sqlite": ("(`emial`)", "no such column: emial (SQLITE_ERROR)"),
    }[repo.adapter.dialect.target]
    assert masked(failed.stdout) == "applied 1 users (N ms)\n"
    assert failed.returncode == 8
    assert failed.stderr.split("\n\nhint:")[0].strip() == (
        "error: 2 broken failed going up, statement 1 of 1:\n\n"
        f'    CREATE INDEX "users_emial_index" ON "users" {statement[0]}\n\n'
        f"    {statement[1]}\n\n"
        "migrations/2_broken.py: rolled back: the database is unchanged"
    )


def test_what_cannot_be_rolled_back_ends_with_8(ectype, write):
    write("1_users", "m.execute('CREATE TABLE users (id integer)')")
    assert ectype("migrate").returncode == 0
    failed = ectype("rollback")
    assert failed.returncode == 8
    assert failed.stderr == (
        "error: migrations/1_users.py: 1 users cannot be rolled back, nothing was done: "
        "`m.execute('CREATE TABLE users (id integer)')` cannot be turned round: it does not say how to undo it\n\n"
        'hint: give the text that undoes it, or "" when there is nothing to undo:\n\n'
        '    m.execute("CREATE EXTENSION citext", "DROP EXTENSION citext")\n'
    )


REFUSED = [
    (("migrate", "--database", "mysql://u:secret@h/x"), 2, "mysql"),
    (("migrate", "--folder", "nowhere"), 2, "there is no folder of migrations at nowhere"),
    (("migrate", "--step", "1", "--to", "1"), 2, "`step` and `to` were both given"),
    (("migrate", "--to", "7"), 2, "there is no migration 7 to go to"),
    (("migrate", "--step", "0"), 2, "--step"),
    (("migrate", "--lock-wait", "long"), 2, "'long' is no number of seconds"),
    (("gen", "migration", "../evil"), 2, "'../evil' cannot be the name of a migration"),
    (("status", "--database", "postgresql://u:secret@127.0.0.1:1/x"), 10, "no connection to postgresql://u:***@"),
]


@pytest.mark.parametrize(("arguments", "code", "message"), REFUSED, ids=[case[2] for case in REFUSED])
def test_what_cannot_be_used_is_refused_without_a_traceback(ectype, write, arguments, code, message):
    write("1_users", USERS)
    refused = ectype(*arguments)
    assert (refused.returncode, refused.stdout) == (code, "")
    assert message in refused.stderr
    assert "Traceback" not in refused.stderr
    assert "secret" not in refused.stderr


def test_three_processes_at_once_apply_each_migration_once(process, write):
    write("1_users", USERS)
    for version in range(2, 6):
        write(f"{version}_add{version}", f"m.execute(\"INSERT INTO users (email) VALUES ('{version}')\", '')")
    runs = [process("migrate", "--json") for _ in range(3)]
    outcomes = [ended(run) for run in runs]
    assert [(outcome.returncode, outcome.stderr) for outcome in outcomes] == [(0, "")] * 3
    applied = [one["version"] for outcome in outcomes for one in json.loads(outcome.stdout.splitlines()[-1])["applied"]]
    assert sorted(applied) == [1, 2, 3, 4, 5]


def test_an_interrupted_migration_is_rolled_back_and_ends_with_130(process, ectype, write, repo):
    slow = {
        "postgres": "SELECT pg_sleep(30)",
        "sqlite": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n",
    }[repo.adapter.dialect.target]
    write("1_users", USERS)
    write("2_slow", f'm.rename_table("users", to="people")\nm.execute("{slow}", "")')
    run = process("migrate")
    try:
        assert run.stdout.readline().startswith("applied 1 users")
        time.sleep(0.5)
        run.send_signal(signal.SIGINT)
        _, err = run.communicate(timeout=20)
    finally:
        run.kill()
        run.wait()
    assert run.returncode == 130
    assert err == "error: interrupted; what was not committed is rolled back, `ectype status` shows the rest\n"
    assert "2        slow   pending" in ectype("status").stdout


def test_settings_come_from_pyproject_toml(ectype, tmp_path, write, database_url):
    write("1_users", USERS)
    (tmp_path / "migrations").rename(tmp_path / "steps")
    (tmp_path / "pyproject.toml").write_text(f'[tool.ectype]\nurl = "{database_url}"\nmigrations = "steps"\n')
    applied = ectype("migrate", DATABASE_URL="")
    assert (applied.returncode, masked(applied.stdout)) == (
        0,
        "applied 1 users (N ms)\n1 applied · schema sha256 HASH · lock released\n",
    )


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_character_that_the_output_cannot_show_fails_nothing(process, write, environ, sqlite_url):
    write("1_users", USERS)
    environ["PYTHONIOENCODING"] = "ascii"
    shown = ended(process("status", "--database", sqlite_url.replace("test.db", "café.db")))
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "caf?.db" in shown.stdout


def test_the_console_script_is_the_same_program():
    script = Path(sys.executable).with_name("ectype")
    if not script.exists():
        pytest.skip("ectype is not installed in this environment, so it has no console script")
    shown = subprocess.run([script, "--help"], capture_output=True, text=True, timeout=60, check=True)
    assert all(command in shown.stdout for command in ("gen", "migrate", "rollback", "status"))

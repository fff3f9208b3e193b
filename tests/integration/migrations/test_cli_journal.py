"""The commands around a run: what they print, in a pipe and on a terminal, and with which code they end."""

import json
import os
import re
import subprocess
import sys
import threading
from dataclasses import dataclass

import pytest
from typer.testing import CliRunner

from ectype.cli.app import app
from ectype.migrations import guard_postgres
from tests.integration.terminal import on_a_terminal, plain

on_postgres = pytest.mark.parametrize(
    "database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
A = "m.execute('CREATE TABLE a (x integer)', 'DROP TABLE a')"
B = "m.execute('CREATE TABLE b (x integer)', 'DROP TABLE b')"
STEPS = """
transaction = False


def change(m):
    m.execute("CREATE TABLE c (x integer)", "DROP TABLE c")
    m.execute("CREATE TABLE a (x integer)", "DROP TABLE a")
"""


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


@pytest.fixture
def ectype(tmp_path, database_url, monkeypatch):
    """Run a command line in this process, in a project of its own."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABASE_URL", database_url)

    def run(*arguments):
        result = CliRunner().invoke(app, arguments, prog_name="ectype", catch_exceptions=False)
        return Outcome(result.exit_code, re.sub(r"\d+ ms", "N ms", result.stdout), result.stderr)

    return run


def test_a_migration_that_ended_half_way_is_shown_resumed_and_resolved(ectype, write, rows):
    write("1_a", A)
    path = write("2_steps", text=STEPS)
    failed = ectype("migrate")
    assert (failed.code, failed.out) == (9, "applied 1 a (N ms)\n")
    assert "2 steps: step 1/2 is done\nerror: 2 steps failed going up, step 2 of 2:\n\n    CREATE TABLE a" in failed.err
    assert (
        f"{path.relative_to(path.parent.parent)}: stopped in step 2 of 2, what came before is saved: "
        "`ectype migrate` goes on from there, `ectype resolve 2 --rolled-back` says that you have undone it"
    ) in failed.err
    shown = ectype("status")
    assert re.sub(r" +", " ", shown.out).splitlines()[-3:] == [
        "2 steps partial step 1/2",
        "1 up, 1 partial, 0 pending",
        "fix: ectype resolve 2 --rolled-back (or --applied), or ectype migrate to resume",
    ]
    verified = ectype("verify")
    assert verified.code == 6
    assert verified.out.startswith("partial: 2 steps was interrupted going up, after step 1 of 2\n")
    assert ectype("status", "--check").code == 3
    assert ectype("resolve", "2", "--applied").out == "2 is applied now, says the journal\n"
    assert ectype("status", "--check").code == 0
    again = ectype("resolve", "2", "--applied")
    assert (again.code, again.err.splitlines()[0]) == (2, "error: 2 steps is applied already")
    neither = ectype("resolve", "2")
    assert (neither.code, neither.err.splitlines()[0]) == (2, "error: `resolve` does not know how it ended")


def test_an_edited_file_ends_with_6_until_it_is_resolved(ectype, write):
    write("1_a", A)
    assert ectype("migrate").code == 0
    write("1_a", A.replace("x integer", "x integer, y integer"))
    refused = ectype("migrate")
    assert (refused.code, refused.out) == (6, "")
    assert re.match(
        r"error: migrations/1_a.py was edited after it was applied on \d{4}-\d\d-\d\d \d\d:\d\d\n", refused.err
    )
    assert "ectype resolve 1 --applied" in refused.err
    assert ectype("verify").code == 6
    assert ectype("resolve", "1", "--applied").code == 0
    verified = ectype("verify")
    assert (verified.code, verified.out) == (0, "the files, the lock file and the journal fit\n")


def test_every_thing_that_does_not_fit_is_one_object_in_json(ectype, write, tmp_path):
    write("1_a", A)
    write("2_b", B)
    assert ectype("migrate").code == 0
    (tmp_path / "migrations" / "1_a.py").unlink()
    found = ectype("verify", "--json")
    (problem,) = json.loads(found.out)["problems"]
    assert found.code == 6
    assert problem == {
        "problem": "gone",
        "version": 1,
        "message": "1 a is applied, but its file is gone",
        "hint": "bring 1_a.py back from version control",
    }


def test_gen_and_migrate_write_the_lock_file_and_verify_reads_it(ectype, tmp_path):
    assert ectype("gen", "migration", "create_users").code == 0
    (path,) = (tmp_path / "migrations").glob("*.py")
    path.write_text(path.read_text() + f"    {A}\n")
    assert ectype("verify").code == 6
    assert ectype("migrate").code == 0
    assert ectype("verify").code == 0
    lock = tmp_path / "migrations" / "migrations.lock"
    assert re.fullmatch(r"\d{14} [0-9a-f]{64}\n", lock.read_text())
    lock.write_text("1 " + "0" * 64 + "\n")
    missing = ectype("migrate")
    assert missing.code == 6
    assert "migrations/migrations.lock lists 1, but its file is not there" in missing.err
    written = ectype("verify", "--write-lock")
    assert (written.code, written.out.splitlines()[0]) == (0, "wrote migrations/migrations.lock")


def test_a_baseline_and_fakes_run_nothing(ectype, write, rows):
    write("1_a", A)
    write("2_b", B)
    assert ectype("baseline", "1").out == "1 migrations up to 1 are applied now, says the journal\n"
    assert ectype("migrate", "--fake").out == "applied 2 in the journal only\n1 applied · lock released\n"
    assert json.loads(ectype("rollback", "--fake", "--json").out.splitlines()[-1]) == {
        "event": "done",
        "rolled_back": [{"version": 2, "fake": True}],
    }
    assert ectype("baseline", "1").code == 2


def test_a_strict_order_ends_with_6(ectype, write):
    write("2_b", B)
    assert ectype("migrate").code == 0
    write("1_a", A)
    refused = ectype("migrate", "--strict-order")
    assert (refused.code, refused.err.splitlines()[0]) == (
        6,
        "error: 1 a is pending, but older than 2, which is applied",
    )
    assert ectype("migrate", "--to-exclusive", "2").code == 0


PLANS = {
    "postgres": """\
1 alter   in one transaction
  1  ALTER TABLE a ADD COLUMN y integer
     lock ACCESS EXCLUSIVE · reads wait · writes wait
  2  UPDATE a
     SET y = 1
     lock ROW EXCLUSIVE · reads ok · writes ok · scans rows, how many is not known
2 index   transaction: no, 1 step
  1  CREATE INDEX CONCURRENTLY a_y ON a (y)
     lock SHARE UPDATE EXCLUSIVE · reads ok · writes ok · scans rows, how many is not known
2 would run, nothing was changed
""",
    "sqlite": """\
1 alter   in one transaction
  1  ALTER TABLE a ADD COLUMN y integer
     lock the write lock of the file · reads ok · writes wait
  2  UPDATE a
     SET y = 1
     lock the write lock of the file · reads ok · writes wait · scans ~2 rows (max(rowid))
2 index   in one transaction
  1  CREATE INDEX a_y ON a (y)
     lock the write lock of the file · reads ok · writes wait · scans ~2 rows (max(rowid))
2 would run, nothing was changed
""",
}


async def test_a_plan_shows_locks_and_work_and_changes_nothing(ectype, write, repo, rows, tmp_path):
    target = repo.adapter.dialect.target
    await rows("CREATE TABLE a (x integer)")
    await rows("INSERT INTO a VALUES (1), (2)")
    write("1_alter", "m.execute('ALTER TABLE a ADD COLUMN y integer; UPDATE a\\nSET y = 1', '')")
    concurrently = "CONCURRENTLY " if target == "postgres" else ""
    write("2_index", f"m.execute('CREATE INDEX {concurrently}a_y ON a (y)', '')")
    assert in_a_thread(ectype, "migrate", "--plan").out == PLANS[target]
    plan = json.loads(in_a_thread(ectype, "migrate", "--plan", "--json", "--step", "1").out)["plan"]
    assert [statement["work"] for statement in plan[0]["statements"]] == ["none", "scan"]
    wrote = in_a_thread(ectype, "migrate", "--sql", "run.sql")
    assert wrote.out == "wrote run.sql: 2 migrations, nothing was changed\n"
    assert (tmp_path / "run.sql").read_text() == in_a_thread(ectype, "migrate", "--sql", "-").out
    assert in_a_thread(ectype, "status").out.splitlines()[-1] == "0 up, 2 pending"
    nowhere = in_a_thread(ectype, "migrate", "--sql", "nowhere/run.sql")
    assert (nowhere.code, nowhere.err.splitlines()[0]) == (
        2,
        "error: nowhere/run.sql cannot be written: No such file or directory",
    )


def in_a_thread(run, *arguments):
    """Run a command from a test that has an event loop: the command makes one of its own."""
    outcomes = []

    thread = threading.Thread(target=lambda: outcomes.append(run(*arguments)))
    thread.start()
    thread.join(60)
    return outcomes[0]


@on_postgres
async def test_tenants_are_listed_migrated_and_counted(ectype, write, rows):
    for name in ("t_1", "t_2", "t_3"):
        await rows(f"CREATE SCHEMA {name}")
    await rows("CREATE TABLE t_2.b (x integer)")
    write("1_a", A)
    write("2_b", B)
    assert in_a_thread(ectype, "tenants", "list", "t_*").out == "t_1\nt_2\nt_3\n"
    ran = in_a_thread(ectype, "tenants", "migrate", "t_*", "--parallel", "1")
    assert ran.code == 8
    assert ran.out == "t_1: 2 applied\nt_3: 2 applied\n2 schemas are up to date, 1 failed\n"
    assert ran.err.startswith("failed: t_2: 2 b failed going up, statement 1 of 1:")
    shown = in_a_thread(ectype, "tenants", "status", "t_*", "--check")
    assert (shown.code, shown.out) == (
        3,
        "Schema  Up  Partial  Pending  Last\n"
        "t_1     2   0        0        2\n"
        "t_2     1   0        1        1\n"
        "t_3     2   0        0        2\n",
    )
    one = in_a_thread(ectype, "status", "--prefix", "t_2", "--json")
    assert [two["state"] for two in json.loads(one.out)["migrations"]] == ["up", "pending"]
    nobody = in_a_thread(ectype, "tenants", "migrate", "x_*")
    assert (nobody.code, nobody.err.splitlines()[0]) == (2, "error: no schema fits 'x_*'")


@on_postgres
async def test_migrate_goes_through_the_schemas_that_fit_and_is_linted_by_the_largest(ectype, write, rows):
    for name in ("t_1", "t_2", "u_1"):
        await rows(f"CREATE SCHEMA {name}")
        await rows(f"CREATE TABLE {name}.b (x integer)")
    # What lies in `public` is not what the names of the migrations mean.
    await rows("CREATE TABLE public.b (x integer)")
    write("1_a", A)
    write("2_index", "m.create_index('b', 'x')")
    assert in_a_thread(ectype, "migrate", "--tenants", "t_*", "--step", "1", "--parallel", "1").out == (
        "t_1: 1 applied\nt_2: 1 applied\n2 schemas are up to date\n"
    )
    await rows("INSERT INTO t_2.b VALUES (1), (2)")
    refused = in_a_thread(ectype, "migrate", "--tenants", "t_*")
    assert (refused.code, refused.out) == (4, "")
    assert "2_index.py:2: error L01: it makes an index on `b`" in refused.err
    assert "It has about 2 rows." in refused.err
    assert in_a_thread(ectype, "tenants", "migrate", "t_*").code == 4
    assert in_a_thread(ectype, "migrate", "--prefix", "t_2").code == 4
    # It is empty there, and so holds nobody up.
    assert in_a_thread(ectype, "migrate", "--prefix", "t_1").code == 0
    allowed = in_a_thread(ectype, "migrate", "--tenants", "t_*", "--allow", "L01", "--parallel", "1")
    assert allowed.out == "t_1: 0 applied\nt_2: 1 applied\n2 schemas are up to date\n"
    both = in_a_thread(ectype, "migrate", "--tenants", "t_*", "--plan")
    assert (both.code, both.err.splitlines()[0]) == (2, "error: `--tenants` and `--plan` were both given")


@on_postgres
async def test_status_says_who_holds_the_lock(ectype, write, repo):
    write("1_a", A)
    holder = await repo.adapter.connect(10)
    try:
        await holder.fetch("SELECT pg_advisory_lock($1)", (await guard_postgres._key(holder, repo.adapter),), list)
        shown = in_a_thread(ectype, "status").out.splitlines()[0]
        assert f"   lock: held by pid {holder.server_pid} (ectype, " in shown
    finally:
        await holder.close()
    assert json.loads(in_a_thread(ectype, "status", "--json").out)["lock"] == "free"


async def test_each_statement_is_told_when_that_is_asked_for(ectype, write, rows):
    write("1_a", A)
    write(
        "2_ask",
        text="async def up(m):\n    await m.repo.query('SELECT 7')\n    m.execute('INSERT INTO a VALUES (1)')\n",
    )
    told = in_a_thread(ectype, "migrate", "--log-migrations-sql")
    lines = re.sub(r"\d+ ms", "N ms", told.err).splitlines()
    assert lines == [
        "1 a, N ms:",
        "CREATE TABLE a (x integer)",
        "m.repo, N ms:",
        "SELECT 7",
        "2 ask, N ms:",
        "INSERT INTO a VALUES (1)",
    ]
    assert in_a_thread(ectype, "rollback", "--log-migrations-sql", "--to", "2").code == 8


async def test_a_backfill_tells_how_many_rows_it_changed(ectype, rows, folder):
    await rows("CREATE TABLE users (id integer PRIMARY KEY, n integer)")
    await rows("INSERT INTO users (id) VALUES (1), (2), (3)")
    (folder / "backfills").mkdir()
    (folder / "backfills" / "fill.py").write_text(
        'from ectype.migrations import Backfill\n\nbackfill = Backfill("users", set="n = 1", where="id <> 2")\n'
    )
    assert in_a_thread(ectype, "backfill", "fill", "--batch", "2").out == "fill: 2 of 3 rows changed, 2 batches\n"
    again = in_a_thread(ectype, "backfill", "fill")
    assert (again.code, again.err.splitlines()[0]) == (
        6,
        "error: the backfill fill went through before: 3 rows, 2 changed",
    )
    both = in_a_thread(ectype, "backfill", "fill", "--resume", "--restart")
    assert both.code == 2
    told = in_a_thread(ectype, "backfill", "fill", "--restart", "--json").out.splitlines()
    assert [(one["event"], one["rows"]) for one in map(json.loads, told)] == [("batch", 3), ("done", 3)]


async def test_a_backfill_that_fails_ends_with_8(ectype, rows, folder):
    await rows("CREATE TABLE users (id integer PRIMARY KEY, n integer NOT NULL)")
    await rows("INSERT INTO users (id, n) VALUES (1, 1)")
    (folder / "backfills").mkdir()
    (folder / "backfills" / "fill.py").write_text(
        'from ectype.migrations import Backfill\n\nbackfill = Backfill("users", set="n = NULL")\n'
    )
    failed = in_a_thread(ectype, "backfill", "fill")
    assert failed.code == 8
    assert failed.err.startswith("error: batch 1 of the backfill fill failed: ")


def test_a_squash_says_what_it_wrote(ectype, write, tmp_path):
    write("1_a", A)
    write("2_b", B)
    made = ectype("squash", "--to", "2")
    assert made.code == 0
    first, second = made.out.splitlines()
    assert first == "wrote migrations/2_squashed_2.py, which stands for 2 migrations"
    assert re.fullmatch(
        r"their files are in migrations/_squashed/2; schema sha256 [0-9a-f]{4}…[0-9a-f]{2} as before", second
    )


def test_on_a_terminal_there_are_marks_tables_and_colours(write, tmp_path, database_url):
    write("1_a", A)
    write("2_steps", text=STEPS)
    code, shown = on_a_terminal(["migrate"], tmp_path, {"DATABASE_URL": database_url})
    assert code == 9
    assert "\x1b[32m ✔ \x1b[0m" in shown
    assert re.search(r" ✔ applied 1 a \(\d+ ms\)\n", plain(shown))
    assert "error: 2 steps failed going up, step 2 of 2:" in plain(shown)
    code, shown = on_a_terminal(["status"], tmp_path, {"DATABASE_URL": database_url})
    assert code == 0
    assert re.search(r"┃ Version ┃ Name  ┃ State   ┃ When +┃ Took +┃", plain(shown))
    assert re.search(r"│ 2       │ steps │ partial │ +│ step 1/2 │", plain(shown))
    assert "fix: ectype resolve 2 --rolled-back" in plain(shown)
    # The same in a pipe has neither.
    piped = subprocess.run(
        [sys.executable, "-m", "ectype", "status"],
        cwd=tmp_path,
        env={**os.environ, "DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "\x1b" not in piped.stdout
    assert "┃" not in piped.stdout


SLOW = """
transaction = False


def change(m):
    for number in range(4):
        m.execute(f"CREATE TABLE t{number} AS {m_slow}", f"DROP TABLE t{number}")
"""
SLEEP = {
    "postgres": "SELECT 1 AS x FROM pg_sleep(0.3)",
    "sqlite": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 600000) SELECT max(x) FROM n",
}


def test_a_migration_has_a_bar_on_a_terminal(write, tmp_path, database_url):
    target = "sqlite" if database_url.startswith("sqlite") else "postgres"
    write("1_slow", text=SLOW.replace("{m_slow}", SLEEP[target]))
    code, shown = on_a_terminal(["migrate"], tmp_path, {"DATABASE_URL": database_url})
    text = plain(shown)
    assert code == 0
    # The bar goes on by a quarter with each statement, and is gone at the end.
    assert re.search(r"1 slow [━╸╺]+ +(25|50|75)%", text)
    assert re.search(r" ✔ applied 1 slow \(\d+ ms\)\n", text)
    last = text.replace("\r", "\n").splitlines()[-1]
    assert re.fullmatch(r"1 applied · schema sha256 [0-9a-f]{4}…[0-9a-f]{2} · lock released", last)
    code, shown = on_a_terminal(["rollback", "--quiet"], tmp_path, {"DATABASE_URL": database_url})
    assert (code, shown) == (0, "")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_backfill_has_a_bar_on_a_terminal(rows, folder, tmp_path, database_url):
    await rows("CREATE TABLE users (id integer PRIMARY KEY, n integer)")
    await rows("INSERT INTO users (id) VALUES (1), (2), (3)")
    (folder / "backfills").mkdir()
    (folder / "backfills" / "fill.py").write_text(
        'from ectype.migrations import Backfill\n\nbackfill = Backfill("users", set="n = 1")\n'
    )
    code, shown = on_a_terminal(
        ["backfill", "fill", "--batch", "1", "--pause", "0.2s"], tmp_path, {"DATABASE_URL": database_url}
    )
    assert code == 0
    assert re.search(r"fill .*[━╸╺]+.* [123]/3", plain(shown))
    assert "fill: 3 of 3 rows changed, 3 batches" in plain(shown)

"""A run that is killed with SIGKILL, before and within a statement: the next run finishes it.

Every fourth statement is tried; ECTYPE_KILL_EVERY=1 tries each.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

EVERY = os.environ.get("ECTYPE_KILL_EVERY", "4")
PROGRAM = Path(__file__).with_name("killing.py")

PLAIN = """
m.execute("CREATE TABLE users (id integer, email text)", "DROP TABLE users")
m.execute("INSERT INTO users VALUES (1, 'a')", "")
"""
STEPS = {
    "postgres": """
m.execute("ALTER TABLE users ADD COLUMN age integer", "")
m.execute("CREATE UNIQUE INDEX CONCURRENTLY users_email ON users (email)", "")
m.execute("INSERT INTO users VALUES (2, 'b', 3)", "")
""",
    "sqlite": """
m.execute("ALTER TABLE users ADD COLUMN age integer", "")
m.execute("VACUUM", "")
m.execute("INSERT INTO users VALUES (2, 'b', 3)", "")
""",
}
COUNTED = """
m.execute("CREATE TABLE counted AS SELECT count(*) AS n FROM users", "")
"""


@pytest.mark.parametrize("moment", ["before", "within"])
def test_a_run_that_is_killed_anywhere_is_finished_by_the_next_one(database_url, folder, write, repo, moment):
    target = repo.adapter.dialect.target
    write("1_plain", PLAIN)
    write("2_steps", STEPS[target])
    write("3_counted", COUNTED)
    ran = subprocess.run(
        [sys.executable, str(PROGRAM), database_url, str(folder), moment, EVERY],
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
        cwd=PROGRAM.parents[3],
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    kills = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [one["killed"] for one in kills] == [True] * (len(kills) - 1) + [False]
    assert all("error" not in one for one in kills), [one for one in kills if "error" in one]
    wanted = kills[-1]["hash"]
    for kill in kills:
        assert (kill["states"], kill["hash"], kill["rows"]) == (["up", "up", "up"], wanted, [2]), kill
    # At least one kill met a migration in the middle of its steps.
    assert ["up", "partial", "pending"] in [kill["left"] for kill in kills]

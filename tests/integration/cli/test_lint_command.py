import asyncio
import json
import shutil
import subprocess

import pytest

from ectype.adapters.registry import adapter_for

USERS = 'def change(m):\n    with m.create_table("users") as t:\n        t.column("email", str)\n'
INDEX = 'def change(m):\n    m.create_index("users", "email")\n'


@pytest.fixture
def migrations(project):
    folder = project / "migrations"
    folder.mkdir()
    (folder / "1_users.py").write_text(USERS)
    (folder / "2_index.py").write_text(INDEX)
    return folder


TEXT = """\
migrations/2_index.py:2: error L01: it makes an index on `users`
    nobody can write to the table until the index is built (SHARE lock).
    instead:

        # in a migration of its own, since it runs outside a transaction
        def change(m: Migration) -> None:
            m.create_index("users", "email", name="users_email_index", concurrently=True)

1 error, 0 warnings
"""


def test_what_is_found_is_printed_with_place_reason_and_recipe(ectype, migrations):
    done = ectype("lint")
    assert (done.returncode, done.stdout, done.stderr) == (4, TEXT, "")
    (migrations / "2_index.py").write_text(INDEX.replace("\n    m", "\n    # lint: ok L01 small\n    m"))
    clean = ectype("lint")
    assert (clean.returncode, clean.stdout) == (0, "0 errors, 0 warnings\n")


def test_json_is_one_object(ectype, migrations):
    for arguments in (("--json",), ("--format", "json")):
        done = ectype("lint", *arguments)
        found = json.loads(done.stdout)
        assert done.returncode == 4
        assert found["summary"] == {"errors": 1, "warnings": 0, "notes": 0}
        (one,) = found["findings"]
        assert (one["code"], one["path"], one["line"]) == ("L01", "migrations/2_index.py", 2)
        assert one["statement"] == 'CREATE INDEX "users_email_index" ON "users" ("email")'


def test_sarif_names_its_rules_and_the_places(ectype, migrations):
    found = json.loads(ectype("lint", "--format", "sarif").stdout)
    assert found["version"] == "2.1.0"
    (run,) = found["runs"]
    (result,) = run["results"]
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "L01"
    place = result["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "migrations/2_index.py"}, "region": {"startLine": 2}}


def test_github_gets_one_line_for_each_finding(ectype, migrations):
    lines = ectype("lint", "--format", "github").stdout.splitlines()
    assert lines[0].startswith("::error file=migrations/2_index.py,line=2,title=L01::it makes an index on `users`: ")
    assert "%0A" in lines[0]
    assert lines[1:] == ["1 error, 0 warnings"]


def git(folder, *arguments):
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True, timeout=60)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_since_a_commit_only_what_came_after_it_is_told(ectype, migrations, project):
    git(project, "init", "-q")
    git(project, "add", ".")
    git(project, "commit", "-qm", "before")
    assert ectype("lint", "--since", "HEAD").stdout == "0 errors, 0 warnings\n"
    (migrations / "3_drop.py").write_text('def up(m):\n    m.drop_table("users")\n')
    assert [one["code"] for one in json.loads(ectype("lint", "--since", "HEAD", "--json").stdout)["findings"]] == [
        "D01"
    ]
    git(project, "add", ".")
    git(project, "commit", "-qm", "after")
    assert [one["code"] for one in json.loads(ectype("lint", "--since", "HEAD~1", "--json").stdout)["findings"]] == [
        "D01"
    ]
    unknown = ectype("lint", "--since", "nothing")
    assert unknown.returncode == 2
    assert "git could not say what changed" in unknown.stderr
    assert ectype("lint", "--since", "--output=x").returncode == 2


def test_an_unknown_rule_cannot_be_allowed(ectype, migrations):
    done = ectype("lint", "--allow", "L10")
    assert done.returncode == 2
    assert "there is no rule 'L10'" in done.stderr
    assert ectype("lint", "--allow", "l01, D02").returncode == 0


async def rows(url, sql):
    connection = await adapter_for(url).connect(10)
    try:
        await connection.script(sql)
    finally:
        await connection.close()


@pytest.mark.postgres
def test_migrate_refuses_what_harms_rows_that_are_there(project, migrations, ectype, fresh_postgres_url):
    urls = {"DATABASE_URL": fresh_postgres_url}
    # On an empty database nothing is in anybody's way.
    assert ectype("migrate", **urls).returncode == 0
    (migrations / "3_more.py").write_text('def up(m):\n    m.create_index("users", "id", name="i")\n')
    (migrations / "4_drop.py").write_text('def up(m):\n    m.drop_table("users")\n')
    assert ectype("migrate", "--step", "1", **urls).returncode == 0, "the table has no rows"
    asyncio.run(rows(fresh_postgres_url, "INSERT INTO users (email) VALUES ('a')"))
    refused = ectype("migrate", **urls)
    assert (refused.returncode, refused.stdout) == (4, "")
    assert "migrations/4_drop.py:2: error D01" in refused.stderr
    assert "It has about 1 row." in refused.stderr
    assert "--allow D01" in refused.stderr
    machine = json.loads(ectype("migrate", "--json", **urls).stdout)
    assert (machine["exit_code"], machine["lint"][0]["code"]) == (4, "D01")
    assert ectype("migrate", "--allow", "D01", **urls).returncode == 0


def test_on_sqlite_migrate_asks_too(project, migrations, ectype):
    urls = {"DATABASE_URL": "sqlite:///a.db"}
    assert ectype("migrate", **urls).returncode == 0
    (migrations / "3_fill.py").write_text(
        "def change(m):\n    m.execute(\"INSERT INTO users (email) VALUES ('a')\", '')"
    )
    (migrations / "4_drop.py").write_text('def up(m):\n    m.drop_table("users")\n')
    assert ectype("migrate", "--step", "1", **urls).returncode == 0
    assert ectype("migrate", **urls).returncode == 4
    assert ectype("migrate", "--allow", "D01", **urls).returncode == 0

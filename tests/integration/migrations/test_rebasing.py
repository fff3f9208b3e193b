"""`ectype rebase` after a real git merge: which files get another version, and what becomes of migrations.lock."""

import json
import re
import shutil
import subprocess
from dataclasses import dataclass

import pytest
from typer.testing import CliRunner

from ectype.cli.app import app

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


@pytest.fixture
def ectype(tmp_path, database_url, monkeypatch):
    """Run a command line in this process, in a project of its own."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "ECTYPE_MIGRATIONS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABASE_URL", database_url)

    def run(*arguments):
        result = CliRunner().invoke(app, arguments, prog_name="ectype", catch_exceptions=False)
        return Outcome(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def git(tmp_path):
    """Run git in the project, whose branch `mine` will meet `main`."""

    def run(*arguments, code=0):
        who = ("-c", "user.name=a", "-c", "user.email=a@localhost", "-c", "core.editor=true")
        done = subprocess.run(["git", *who, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    run("init", "-q", "-b", "main")
    return run


@pytest.fixture
def commit(ectype, git, folder):
    """Add migrations to the branch that is checked out, and commit them with the lock file."""

    def commit(*names):
        for name in names:
            table = name.partition("_")[2]
            text = f"m.execute('CREATE TABLE {table} (x integer)', 'DROP TABLE {table}')"
            (folder / f"{name}.py").write_text(f"def change(m):\n    {text}\n")
        assert ectype("verify", "--write-lock").code in (0, 6)
        git("add", "migrations")
        git("commit", "-q", "-m", " ".join(names))

    return commit


@pytest.fixture
def merged(commit, git):
    """Two branches that both added migrations, in the middle of their merge: the lock file is in conflict."""
    commit("20260101000000_base")
    git("checkout", "-q", "-b", "mine")
    commit("20260102000000_mine", "20260105000000_more")
    git("checkout", "-q", "main")
    commit("20260103000000_theirs")
    git("checkout", "-q", "mine")
    git("merge", "-q", "main", code=1)


def names(folder):
    return [re.sub(r"^20(?!26010)\d+_", "NEW_", path.name) for path in sorted(folder.glob("*.py"))]


def lock(folder):
    return (folder / "migrations.lock").read_text()


def test_after_a_merge_the_migrations_of_this_branch_come_after_the_others(ectype, merged, folder):
    assert "<<<<<<<" in lock(folder)
    stopped = ectype("migrate")
    assert stopped.code == 2
    assert "hint: after a merge: `ectype rebase` puts your migrations after the others" in stopped.err
    done = ectype("rebase")
    assert done.code == 0, done.err
    moved = re.fullmatch(
        r"migrations/20260102000000_mine.py is now (\d{14})_mine.py\n"
        r"migrations/20260105000000_more.py is now (\d{14})_more.py\n"
        r"wrote migrations/migrations.lock\n",
        done.out,
    )
    assert moved is not None, done.out
    assert int(moved[1]) < int(moved[2])
    assert names(folder) == ["20260101000000_base.py", "20260103000000_theirs.py", "NEW_mine.py", "NEW_more.py"]
    assert "<<<" not in lock(folder)
    applied = [re.sub(r"^applied \d+ (\w+) .*", r"\1", line) for line in ectype("migrate").out.splitlines()[:4]]
    assert applied == ["base", "theirs", "mine", "more"]
    assert ectype("verify").code == 0
    nothing = ectype("rebase", "--onto", "main")
    assert (nothing.code, nothing.out.splitlines()[-1]) == (
        0,
        "nothing to renumber: the migrations of this branch come after the others",
    )


def test_a_plan_of_a_rebase_changes_nothing(ectype, merged, folder):
    before, text = names(folder), lock(folder)
    planned = ectype("rebase", "--plan")
    assert planned.code == 0
    assert re.fullmatch(
        r"migrations/20260102000000_mine.py would become \d{14}_mine.py\n"
        r"migrations/20260105000000_more.py would become \d{14}_more.py\n"
        r"2 would be renamed, nothing was changed\n",
        planned.out,
    )
    told = json.loads(ectype("rebase", "--plan", "--json").out)
    assert [(one["version"], one["path"]) for one in told["renumbered"]] == [
        (20260102000000, "migrations/20260102000000_mine.py"),
        (20260105000000, "migrations/20260105000000_more.py"),
    ]
    assert (names(folder), lock(folder)) == (before, text)


def test_what_is_applied_gets_no_other_version(ectype, commit, git, folder):
    commit("20260101000000_base")
    git("checkout", "-q", "-b", "mine")
    commit("20260102000000_mine")
    assert ectype("migrate").code == 0
    git("checkout", "-q", "main")
    commit("20260103000000_theirs")
    git("checkout", "-q", "mine")
    git("merge", "-q", "main", code=1)
    before, text = names(folder), lock(folder)
    refused = ectype("rebase")
    assert refused.code == 2
    assert refused.err.startswith(
        "error: migrations/20260102000000_mine.py would get another version, and is applied in this database\n\n"
        "hint: undo the merge (git merge --abort), roll it back on your branch (ectype rollback --to 20260102000000)"
    )
    assert (names(folder), lock(folder)) == (before, text)
    # What it says to do leads there.
    git("merge", "--abort")
    assert ectype("rollback", "--to", "20260102000000").code == 0
    git("merge", "-q", "main", code=1)
    assert ectype("rebase").code == 0
    assert ectype("migrate").out.splitlines()[0].startswith("applied 20260103000000 theirs ")


def test_while_git_rebases_the_lower_half_of_the_conflict_is_ours(ectype, commit, git, folder):
    commit("20260101000000_base")
    git("checkout", "-q", "-b", "mine")
    commit("20260102000000_mine")
    git("checkout", "-q", "main")
    commit("20260103000000_theirs")
    git("checkout", "-q", "mine")
    git("rebase", "-q", "main", code=1)
    done = ectype("rebase")
    assert done.code == 0, done.err
    assert names(folder) == ["20260101000000_base.py", "20260103000000_theirs.py", "NEW_mine.py"]


def test_two_migrations_of_one_version_are_parted(ectype, commit, git, folder):
    commit("20260101000000_base")
    git("checkout", "-q", "-b", "mine")
    commit("20260102000000_mine")
    git("checkout", "-q", "main")
    commit("20260102000000_theirs")
    assert ectype("migrate").code == 0, "the other branch's is applied here, under the same version"
    git("checkout", "-q", "mine")
    git("merge", "-q", "main", code=1)
    assert ectype("status").code == 2
    assert ectype("rebase").code == 0
    assert names(folder) == ["20260101000000_base.py", "20260102000000_theirs.py", "NEW_mine.py"]
    assert ectype("migrate").out.splitlines()[0].split()[2] == "mine"


def test_without_a_conflict_the_branch_to_go_after_is_named(ectype, merged, git, folder):
    assert ectype("verify", "--write-lock").code == 0
    nothing = ectype("rebase")
    assert (nothing.code, nothing.err) == (
        2,
        "error: nothing says which migrations are of this branch: no lock file has the marks of a conflict\n\n"
        "hint: name the branch that they go after: ectype rebase --onto origin/main\n",
    )
    assert ectype("rebase", "--onto", "main").code == 0
    assert names(folder) == ["20260101000000_base.py", "20260103000000_theirs.py", "NEW_mine.py", "NEW_more.py"]
    unknown = ectype("rebase", "--onto", "nowhere")
    assert (unknown.code, "name a commit, a branch or a tag that is there: --onto" in unknown.err) == (2, True)
    assert ectype("rebase", "--onto", "--hard").code == 2


def test_two_migrations_of_one_name_are_for_their_authors_to_part(ectype, commit, git, folder):
    commit("20260101000000_base")
    git("checkout", "-q", "-b", "mine")
    commit("20260102000000_users")
    git("checkout", "-q", "main")
    commit("20260103000000_users")
    git("checkout", "-q", "mine")
    git("merge", "-q", "main", code=1)
    refused = ectype("rebase")
    assert refused.code == 2
    assert "both branches have a migration named users:\n\n    migrations/20260103000000_users.py" in refused.err
    assert names(folder) == ["20260101000000_base.py", "20260102000000_users.py", "20260103000000_users.py"]

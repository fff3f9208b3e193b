"""Migrations in several folders: one row by version, a lock file in each, and every command sees the same."""

import json
import re
from dataclasses import dataclass

import pytest
from typer.testing import CliRunner

from ectype import migrations
from ectype.cli.app import app
from ectype.errors import MigrationError

CREATE = "m.execute('CREATE TABLE {name} (x integer)', 'DROP TABLE {name}')"


def create(folder, version, name):
    folder.mkdir(exist_ok=True)
    (folder / f"{version}_{name}.py").write_text(f"def change(m):\n    {CREATE.format(name=name)}\n")


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


@pytest.fixture
def ectype(tmp_path, database_url, monkeypatch):
    """Run a command line in this process, in a project whose settings name two folders."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "ECTYPE_MIGRATIONS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABASE_URL", database_url)
    (tmp_path / "pyproject.toml").write_text('[tool.ectype]\nmigrations = ["core", "shop"]\n')

    def run(*arguments):
        result = CliRunner().invoke(app, arguments, prog_name="ectype", catch_exceptions=False)
        return Outcome(result.exit_code, re.sub(r"\d+ ms", "N ms", result.stdout), result.stderr)

    return run


@pytest.fixture
def two(tmp_path):
    """Two folders whose migrations belong between each other."""
    core, shop = tmp_path / "core", tmp_path / "shop"
    for folder, version, name in ((core, 1, "a"), (shop, 2, "b"), (core, 3, "c"), (shop, 4, "d")):
        create(folder, version, name)
    return core, shop


def lines(folder):
    return [int(line.split()[0]) for line in (folder / "migrations.lock").read_text().splitlines()]


def test_several_folders_are_one_row_by_version(ectype, two):
    applied = ectype("migrate")
    assert applied.code == 0
    assert [line.split(" (")[0] for line in applied.out.splitlines()[:4]] == [
        "applied 1 a",
        "applied 2 b",
        "applied 3 c",
        "applied 4 d",
    ]
    shown = json.loads(ectype("status", "--json").out)
    assert [(one["version"], one["state"]) for one in shown["migrations"]] == [(v, "up") for v in (1, 2, 3, 4)]
    assert ectype("rollback", "--step", "2").out.splitlines()[:2] == [
        "rolled back 4 d (N ms)",
        "rolled back 3 c (N ms)",
    ]
    assert ectype("status", "--check").code == 3
    planned = ectype("migrate", "--plan")
    assert [line for line in planned.out.splitlines() if "CREATE TABLE" in line] == [
        "  1  CREATE TABLE c (x integer)",
        "  1  CREATE TABLE d (x integer)",
    ]


def test_the_option_names_several_folders_too(ectype, two, tmp_path):
    (tmp_path / "pyproject.toml").unlink()
    assert ectype("migrate").code == 2
    one = ectype("migrate", "--migrations-path", "shop")
    assert [line.split(" (")[0] for line in one.out.splitlines()[:2]] == ["applied 2 b", "applied 4 d"]
    both = ectype("migrate", "--migrations-path", "core", "--folder", "shop")
    assert [line.split(" (")[0] for line in both.out.splitlines()[:2]] == ["applied 1 a", "applied 3 c"]


def test_each_folder_has_its_own_lock_file_and_verify_reads_them_all(ectype, two, tmp_path):
    core, shop = two
    assert ectype("migrate").code == 0
    wrote = ectype("verify", "--write-lock")
    assert wrote.out.splitlines()[:2] == ["wrote core/migrations.lock", "wrote shop/migrations.lock"]
    assert (lines(core), lines(shop)) == ([1, 3], [2, 4])
    assert ectype("verify").code == 0

    (shop / "4_d.py").rename(core / "4_d.py")
    moved = ectype("verify")
    assert moved.code == 6
    assert "core/4_d.py is not in core/migrations.lock" in moved.out
    assert "shop/migrations.lock lists 4, but its file is not there" in moved.out
    refused = ectype("migrate")
    assert (refused.code, refused.err.splitlines()[0]) == (
        6,
        "error: shop/migrations.lock lists 4, but its file is not there",
    )


@pytest.mark.parametrize(("version", "name", "what"), [(1, "other", "version 1"), (9, "a", "name a")])
def test_a_version_or_a_name_in_two_folders_is_refused_everywhere(ectype, two, version, name, what):
    create(two[1], version, name)
    for command in (
        ["migrate"],
        ["rollback"],
        ["status"],
        ["lint"],
        ["squash", "--to", "3"],
        ["gen", "migration", "x"],
    ):
        refused = ectype(*command)
        assert refused.code == 2, command
        assert f"two migrations have the {what}:" in refused.err
        assert "core/1_a.py" in refused.err
        assert f"shop/{version}_{name}.py" in refused.err
    found = ectype("verify")
    assert found.code == 6
    assert f"two migrations have the {what}:" in found.out


def test_a_new_migration_goes_into_the_first_folder_or_the_named_one(ectype, two):
    core, shop = two
    assert re.match(r"wrote core/\d+_first\.py\n", ectype("gen", "migration", "first").out)
    named = ectype("gen", "migration", "second", "--folder", "shop")
    assert re.match(r"wrote shop/\d+_second\.py\n", named.out)
    assert (len(lines(core)), len(lines(shop))) == (3, 3)
    taken = ectype("gen", "migration", "a", "--folder", "shop")
    assert (taken.code, taken.err.splitlines()[0]) == (2, "error: there is a migration named a already: core/1_a.py")


def test_lint_reads_all_folders(ectype, two):
    _, shop = two
    (shop / "5_gone.py").write_text('def up(m):\n    m.drop_table("a")\n')
    found = ectype("lint")
    assert found.code == 4
    assert "shop/5_gone.py:2: error D01: " in found.out
    assert found.out.splitlines()[-1].startswith("1 error")


def test_a_squash_takes_the_files_of_all_folders(ectype, two):
    core, shop = two
    assert ectype("migrate", "--to", "3").code == 0
    assert ectype("verify", "--write-lock").code == 0
    made = ectype("squash", "--to", "3")
    assert made.out.splitlines()[0] == "wrote core/3_squashed_3.py, which stands for 3 migrations"
    assert sorted(path.name for path in core.rglob("*.py")) == ["1_a.py", "3_c.py", "3_squashed_3.py"]
    assert (shop / "_squashed" / "3" / "2_b.py").is_file()
    assert (lines(core), lines(shop)) == ([3], [4])
    assert ectype("verify").code == 0
    assert ectype("migrate").out.splitlines()[0] == "applied 4 d (N ms)"


async def test_code_can_name_several_folders(repo, two):
    assert await migrations.migrate(repo, two, step=3) == [1, 2, 3]
    assert await migrations.pending(repo, two) == [4]
    assert [one.state for one in await migrations.status(repo, two)] == ["up", "up", "up", "pending"]
    assert await migrations.rollback(repo, two, all=True) == [3, 2, 1]


async def test_a_folder_inside_another_is_refused(repo, two):
    core, _ = two
    (core / "deep").mkdir()
    with pytest.raises(MigrationError, match="its files would count twice"):
        await migrations.migrate(repo, [core / "deep", core])
    with pytest.raises(MigrationError, match="no folder of migrations is named"):
        await migrations.migrate(repo, [])


async def test_a_backfill_is_found_in_whichever_folder_it_is(repo, two, rows):
    core, shop = two
    await rows("CREATE TABLE t (id integer PRIMARY KEY, x integer)")
    await rows("INSERT INTO t VALUES (1, NULL)")
    text = 'from ectype.migrations import Backfill\n\nbackfill = Backfill("t", set="x = 7")\n'
    for folder in two:
        (folder / "backfills").mkdir()
    (shop / "backfills" / "seven.py").write_text(text)
    assert (await migrations.backfill(repo, "seven", two)).updated == 1
    (core / "backfills" / "seven.py").write_text(text)
    with pytest.raises(MigrationError, match="two backfills have the name seven"):
        await migrations.backfill(repo, "seven", two, restart=True)

"""Migrations that are known only while they run: a plan, a script and a squash refuse them, and change nothing."""

from pathlib import Path

import pytest

from ectype import MigrationError, Repo, migrations
from ectype.migrations.offline import script

MADE = """
def change(m):
    with m.create_table("notes") as t:
        t.column("body", str)
"""
LIVE = """
async def up(m):
    await m.flush()


def down(m):
    pass
"""
REBUILT = """
def up(m):
    with m.alter_table("notes") as t:
        t.modify("body", str, null=False)


def down(m):
    pass
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "1_notes.py").write_text(MADE)
    return tmp_path


async def test_a_migration_that_flushes_has_no_plan(folder: Path):
    (folder / "2_live.py").write_text(LIVE)
    async with Repo(f"sqlite:///{folder}/a.db") as repo:
        with pytest.raises(MigrationError, match=r"2_live\.py uses `m\.repo` or `m\.flush`"):
            await migrations.plan_run(repo, folder, migrations.Goal("up"))
        with pytest.raises(MigrationError, match="it cannot be squashed"):
            await migrations.squash(f"sqlite:///{folder}/a.db", 2, folder)
        assert await migrations.applied(repo) == []
        assert await migrations.migrate(repo, folder) == [1, 2]


async def test_a_table_that_is_built_anew_has_a_plan_and_no_script(folder: Path):
    (folder / "2_rebuilt.py").write_text(REBUILT)
    async with Repo(f"sqlite:///{folder}/a.db") as repo:
        found = await migrations.plan_run(repo, folder, migrations.Goal("up"))
        assert [one.version for one in found.migrations] == [1, 2]
        assert found.migrations[1].statements[0].sql.startswith("--")
        with pytest.raises(MigrationError, match="2 rebuilt builds a table anew"):
            script(found, version="0")
        with pytest.raises(MigrationError, match="builds a table anew, so it cannot be squashed"):
            await migrations.squash(f"sqlite:///{folder}/a.db", 2, folder)
        assert await migrations.migrate(repo, folder) == [1, 2]


@pytest.mark.parametrize("text", [LIVE, REBUILT])
async def test_what_needs_a_transaction_refuses_to_go_without(folder: Path, text: str):
    (folder / "2_odd.py").write_text(f"transaction = False\n{text}")
    async with Repo(f"sqlite:///{folder}/a.db") as repo:
        with pytest.raises(MigrationError, match="says `transaction = False`, and it "):
            await migrations.migrate(repo, folder, to=2)
        assert await migrations.applied(repo) in ([], [1])

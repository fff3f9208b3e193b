import re
from pathlib import Path

from ectype import migrations
from ectype.migrations import Migration
from ectype.migrations.constraint_commands import ConstraintOptions
from ectype.migrations.index_commands import IndexOptions
from ectype.migrations.tables import ChangedTable, ColumnOptions, NewTable

GUIDE = Path(__file__).parents[3] / "docs" / "migrations.md"


async def test_every_migration_of_the_guide_can_be_applied_and_rolled_back(repo, write):
    scripts = [code for code in re.findall(r"(?ms)^```python\n(.*?)^```", GUIDE.read_text()) if code.startswith('"""')]
    assert len(scripts) == 4
    paths = [write(f"{number}_guide{number}", text=code) for number, code in enumerate(scripts, start=1)]
    folder = paths[0].parent
    for _ in range(2):
        assert await migrations.migrate(repo, folder) == [1, 2, 3, 4]
        assert await migrations.rollback(repo, folder, all=True) == [4, 3, 2, 1]


def test_the_guide_names_every_command_and_option():
    text = GUIDE.read_text()
    commands = [f"m.{name}" for name in dir(Migration) if not name.startswith("_")]
    tables = [f"t.{name}" for table in (NewTable, ChangedTable) for name in dir(table) if not name.startswith("_")]
    options = [
        f"{option}=" for kind in (ColumnOptions, IndexOptions, ConstraintOptions) for option in kind.__annotations__
    ]
    inner = {"m.commands", "m.take", "t.node"}
    assert [name for name in [*commands, *tables, *options] if name not in text and name not in inner] == []

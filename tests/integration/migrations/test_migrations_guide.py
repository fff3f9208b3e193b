import re
from pathlib import Path

from ectype import migrations

GUIDE = Path(__file__).parents[3] / "docs" / "migrations.md"


async def test_every_migration_of_the_guide_can_be_applied_and_rolled_back(repo, write):
    scripts = [code for code in re.findall(r"(?ms)^```python\n(.*?)^```", GUIDE.read_text()) if code.startswith('"""')]
    assert len(scripts) == 2
    paths = [write(f"{number}_guide{number}", text=code) for number, code in enumerate(scripts, start=1)]
    folder = paths[0].parent
    for _ in range(2):
        assert await migrations.migrate(repo, folder) == [1, 2]
        assert await migrations.rollback(repo, folder, all=True) == [2, 1]

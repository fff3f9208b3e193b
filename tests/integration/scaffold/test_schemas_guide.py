"""The guide is true: its tables give its schemas."""

import re
from pathlib import Path

import pytest

from tests.databases import run
from tests.integration.scaffold.conftest import executed

GUIDE = Path(__file__).parents[3] / "docs" / "schemas-from-database.md"


def block(language):
    return re.search(rf"(?ms)^```{language}\n(.*?)^```", GUIDE.read_text(encoding="utf-8"))[1]


@pytest.mark.parametrize("database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
def test_the_tables_of_the_guide_give_its_schemas(gen, database_url, tmp_path):
    run(executed(database_url, block("sql")))
    command, _, printed = block("console").partition("\n")
    done = gen("--url", database_url, *command.split("--from-database")[1].split())
    assert (done.returncode, done.stdout) == (0, printed)
    written = (tmp_path / "blog.py").read_text(encoding="utf-8")
    assert written[written.index("class ") :] == block("python")

"""What lint tells people to write is written, linted and applied."""

import re

import pytest

from ectype import migrations
from ectype.migrations.lint.checking import lint
from ectype.migrations.lint.sizes import sizes_of

pytestmark = pytest.mark.postgres

HEAD = "from datetime import datetime\n\nfrom ectype.migrations import Migration, Raw, references\n\n\n"
BEFORE = (
    HEAD
    + """
def change(m: Migration) -> None:
    with m.create_table("teams") as t:
        t.column("name", str)
    with m.create_table("users") as t:
        t.column("email", str)
        t.column("age", "integer")
        t.column("team_id", int)
    m.execute("INSERT INTO teams (name) VALUES ('a')", "")
    m.execute("INSERT INTO users (email, age, team_id) VALUES ('a', 1, 1), ('b', 2, 1)", "")
"""
)

CASES = [
    "DROP TABLE users",
    "ALTER TABLE users DROP COLUMN age",
    "ALTER TABLE users RENAME TO people",
    "ALTER TABLE users RENAME COLUMN age TO years",
    "ALTER TABLE users ALTER age TYPE bigint",
    "ALTER TABLE users ALTER age TYPE smallint",
    "CREATE UNIQUE INDEX users_email ON users (email)",
    "CREATE INDEX CONCURRENTLY users_email ON users (email); ANALYZE users",
    "ALTER TABLE users ADD CONSTRAINT c CHECK (age > 0)",
    "ALTER TABLE users ADD CONSTRAINT f FOREIGN KEY (team_id) REFERENCES teams (id)",
    "ALTER TABLE users ADD CONSTRAINT u UNIQUE (email)",
    "ALTER TABLE users ADD COLUMN token uuid DEFAULT gen_random_uuid()",
    "ALTER TABLE users ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY",
    "ALTER TABLE users ALTER age SET NOT NULL",
    "ALTER TABLE users ADD COLUMN team bigint DEFAULT 1 REFERENCES teams (id)",
    "ALTER TABLE users ADD COLUMN score bigint DEFAULT 1 CHECK (score > 0)",
    "ALTER TABLE users ADD COLUMN nick text UNIQUE",
]


def steps(recipe):
    """Return the migrations of a recipe: each one begins with its own function."""
    parts = re.split(r"(?m)^(?=# \d+\. )", recipe) if recipe.startswith("# 1. ") else [recipe]
    return [part for part in parts if part.strip()]


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
@pytest.mark.parametrize("sql", CASES)
async def test_a_recipe_can_be_written_down_applied_and_is_clean_itself(repo, folder, write, sql):
    write("1_before", text=BEFORE)
    write("2_it", f"m.execute({sql!r}, '')")
    found = [one for one in await lint(folder) if one.version == 2]
    assert found
    (folder / "2_it.py").unlink()
    for number, step in enumerate(steps(found[0].recipe), start=3):
        write(f"{number}_step{number}", text=HEAD + step)
    left = [one for one in await lint(folder) if one.version > 2]
    assert [(one.code, one.statement) for one in left if one.severity == "error"] == []
    assert await migrations.migrate(repo, folder) == [1, *range(3, 3 + len(steps(found[0].recipe)))]


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_the_sizes_of_tables_are_read_from_the_database(repo, folder, write, connection, rows):
    write("1_before", text=BEFORE)
    await migrations.migrate(repo, folder)
    await rows("CREATE TABLE big AS SELECT FROM generate_series(1, 5000)")
    await rows("ANALYZE big")
    await rows("CREATE SCHEMA other")
    await rows("CREATE TABLE other.things ()")
    found = await sizes_of(connection, repo.adapter.dialect)
    assert found.schema == "public"
    assert {name: found.rows[name] for name in ("users", "teams", "big", "other.things")} == {
        "users": 2,
        "teams": 1,
        "big": 5000,
        "other.things": 0,
    }

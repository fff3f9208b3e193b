"""Many migrations made one, which makes the same schema and counts as applied where they were."""

import pytest

from ectype import migrations
from ectype.errors import IrreversibleError, MigrationError

on_postgres = pytest.mark.parametrize(
    "database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
TABLES = """
with m.create_table("users") as t:
    t.column("email", str, null=False, default="it's")
    t.column("age", int)
    t.check("adult", "age > 17")
"""


@pytest.fixture
def four(write):
    write("1_users", TABLES)
    write("2_index", 'm.create_index("users", "email", unique=True)')
    write(
        "3_more",
        'm.execute("INSERT INTO users (email) VALUES (\'a;b\\\\\\\\c\')", "")\n'
        'with m.alter_table("users") as t:\n    t.column("score", int, default=7)',
    )
    write("4_posts", 'with m.create_table("posts") as t:\n    t.references("user_id", "users")')
    return [1, 2, 3, 4]


async def test_an_empty_database_gets_the_same_schema_from_the_one_file(repo, folder, four, database_url, rows):
    made = await migrations.squash(database_url, 3, folder)
    assert (made.versions, made.path.name) == ((1, 2, 3), "3_squashed_3.py")
    assert sorted(path.name for path in folder.glob("*.py")) == ["3_squashed_3.py", "4_posts.py"]
    assert sorted(path.name for path in made.kept.iterdir()) == ["1_users.py", "2_index.py", "3_more.py"]
    assert await migrations.migrate(repo, folder, to=3) == [3]
    assert await migrations.schema_hash(repo) == made.schema
    assert await rows("SELECT email, score FROM users") == [("a;b\\\\c", 7)]
    assert await migrations.migrate(repo, folder) == [4]
    assert await migrations.verify(repo, folder) == []
    assert await migrations.rollback(repo, folder) == [4]
    with pytest.raises(IrreversibleError, match="3 squashed_3 cannot be rolled back"):
        await migrations.rollback(repo, folder)


async def test_a_database_that_has_them_all_has_nothing_to_do(repo, folder, four, database_url):
    await migrations.migrate(repo, folder)
    await migrations.squash(database_url, 3, folder)
    assert await migrations.migrate(repo, folder) == []
    assert await migrations.verify(repo, folder) == []
    assert [(one.version, one.state, one.file) for one in await migrations.status(repo, folder)] == [
        (3, "up", "ok"),
        (4, "up", "ok"),
    ]


async def test_a_database_that_has_some_of_them_is_refused_until_it_has_all(repo, folder, four, database_url):
    await migrations.migrate(repo, folder, to=2)
    made = await migrations.squash(database_url, 3, folder)
    with pytest.raises(migrations.JournalMismatchError, match="stands for 3 migrations, of which this database has 2"):
        await migrations.migrate(repo, folder)
    assert await migrations.migrate(repo, made.kept) == [3]
    assert await migrations.migrate(repo, folder) == [4]


async def test_what_was_squashed_can_be_squashed_again(repo, folder, four, database_url):
    await migrations.migrate(repo, folder)
    await migrations.squash(database_url, 2, folder)
    made = await migrations.squash(database_url, 4, folder)
    assert made.versions == (1, 2, 3, 4)
    assert await migrations.migrate(repo, folder) == []
    assert await migrations.verify(repo, folder) == []


@on_postgres
async def test_what_cannot_be_one_transaction_is_squashed_too(repo, folder, four, write, database_url, rows):
    write("5_age", "m.execute('CREATE INDEX CONCURRENTLY users_age ON users (age)', '')")
    write("6_type", "m.execute(\"CREATE TYPE mood AS ENUM ('sad')\", '')")
    write("7_value", "m.execute(\"ALTER TYPE mood ADD VALUE 'calm'\", '')")
    write("8_use", "m.execute(\"CREATE TABLE moods (m mood DEFAULT 'calm')\", '')")
    made = await migrations.squash(database_url, 8, folder)
    assert "CONCURRENTLY" not in made.path.read_text()
    assert await migrations.migrate(repo, folder) == [8]
    assert await migrations.schema_hash(repo) == made.schema
    assert await migrations.migrate(repo, folder) == []


async def test_a_squash_that_makes_another_schema_changes_no_file(repo, folder, four, write, database_url, tmp_path):
    """The file names a table by how often it ran, as one that looks at the clock would."""
    count = tmp_path / "count"
    count.write_text("")
    write(
        "5_moody",
        text=f"""from pathlib import Path

def change(m):
    path = Path({str(count)!r})
    path.write_text(path.read_text() + "x")
    m.execute(f"CREATE TABLE t{{len(path.read_text())}} (x integer)")
""",
    )
    before = {path.name: path.read_text() for path in folder.rglob("*.py")}
    with pytest.raises(MigrationError, match="the squashed migration makes another schema"):
        await migrations.squash(database_url, 5, folder)
    assert {path.name: path.read_text() for path in folder.rglob("*.py")} == before


@pytest.mark.parametrize(("to", "message"), [(1, "there is one migration up to 1"), (9, "there is no migration 9")])
async def test_a_version_that_cannot_be_squashed_to_is_refused(folder, four, database_url, to, message):
    with pytest.raises(MigrationError, match=message):
        await migrations.squash(database_url, to, folder)


@on_postgres
async def test_no_scratch_database_stays(folder, four, database_url, rows, monkeypatch):
    made = []

    def token_hex(size):
        made.append(f"{database_url.rpartition('_')[2][:8]}{len(made)}")
        return made[-1]

    monkeypatch.setattr("ectype.migrations.scratch.secrets.token_hex", token_hex)
    await migrations.squash(database_url, 2, folder)
    assert len(made) == 2
    names = ", ".join(f"'ectype_scratch_{name}'" for name in made)
    assert await rows(f"SELECT 1 FROM pg_database WHERE datname IN ({names})") == []

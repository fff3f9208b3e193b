"""The helper for a project's own tests: each migration goes up, down, and up again."""

import pytest

from ectype import migrations
from ectype.errors import IrreversibleError, MigrationError

TABLES = 'with m.create_table("{name}") as t:\n    t.column("email", str)\nm.create_index("{name}", "email")'


async def test_migrations_that_lead_back_pass_and_are_applied_at_the_end(repo, folder, write):
    write("1_a", TABLES.format(name="a"))
    write("2_b", 'with m.alter_table("a") as t:\n    t.column("age", int)')
    assert await migrations.check_migrations(repo, folder) == [1, 2]
    assert await migrations.applied(repo) == [1, 2]


async def test_a_way_back_that_leaves_something_is_named(repo, folder, write):
    write("1_a", TABLES.format(name="a"))
    path = write("2_b", "m.execute('CREATE TABLE b (x integer); CREATE TABLE c (x integer)', 'DROP TABLE b')")
    with pytest.raises(MigrationError, match=f"{path}: after its rollback the schema is not as it was before 2"):
        await migrations.check_migrations(repo, folder)


async def test_a_migration_without_a_way_back_must_be_listed(repo, folder, write):
    write("1_a", "m.execute('CREATE TABLE a (x integer)')")
    with pytest.raises(IrreversibleError, match="1 a cannot be rolled back") as caught:
        await migrations.check_migrations(repo, folder)
    assert "irreversible=(1,)" in (caught.value.hint or "")


async def test_a_listed_migration_is_applied_once(repo, folder, write):
    write("1_a", "m.execute('CREATE TABLE a (x integer)')")
    assert await migrations.check_migrations(repo, folder, irreversible=(1,)) == [1]


async def test_a_database_with_migrations_is_refused(repo, folder, write):
    write("1_a", TABLES.format(name="a"))
    await migrations.migrate(repo, folder)
    with pytest.raises(MigrationError, match="has migrations already, and this check rolls migrations back"):
        await migrations.check_migrations(repo, folder)
    assert await migrations.applied(repo) == [1]


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TABLE b (x integer)",
        "ALTER TABLE a ADD COLUMN y integer",
        "CREATE INDEX a_x ON a (x)",
        "CREATE UNIQUE INDEX a_x ON a (x)",
        "DROP TABLE a",
    ],
)
async def test_the_schema_hash_changes_with_the_schema_and_not_with_rows(repo, rows, change):
    await rows("CREATE TABLE a (x integer)")
    before = await migrations.schema_hash(repo)
    await rows("INSERT INTO a VALUES (1)")
    assert await migrations.schema_hash(repo) == before
    await rows(change)
    assert await migrations.schema_hash(repo) != before


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
async def test_a_constraint_that_stays_validated_after_its_rollback_leads_back(repo, folder, write):
    """As every recipe for a large table does: added first, checked later."""
    write("1_a", "m.execute('CREATE TABLE a (x integer)', 'DROP TABLE a')")
    write("2_check", "m.create_constraint('a', 'positive', check='x > 0', validate=False)")
    write("3_validate", "m.validate_constraint('a', 'positive')")
    assert await migrations.check_migrations(repo, folder) == [1, 2, 3]

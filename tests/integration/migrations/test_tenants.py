"""The same migrations in many schemas of one PostgreSQL database."""

import asyncio

import pytest

from ectype import migrations
from ectype.errors import MigrationError, UnsupportedError
from ectype.migrations import guard_postgres
from ectype.migrations.patience import Patience

on_postgres = pytest.mark.parametrize(
    "database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)


@pytest.fixture
async def tenants(rows, write):
    write("1_a", "m.execute('CREATE TABLE a (x integer)', 'DROP TABLE a')")
    write("2_b", "m.execute('CREATE TABLE b (x integer)', 'DROP TABLE b')")
    names = [f"tenant_{number}" for number in range(6)]
    for name in [*names, "other"]:
        await rows(f"CREATE SCHEMA {name}")
    return names


@on_postgres
async def test_every_schema_that_fits_is_migrated_and_no_other(repo, folder, tenants, rows):
    assert await migrations.tenants(repo, "tenant_*") == tenants
    told = []
    outcomes = await migrations.migrate_tenants(repo, "tenant_*", folder, parallel=3, told=told.append)
    assert [(one.tenant, one.value, one.error) for one in outcomes] == [(name, [1, 2], None) for name in tenants]
    assert sorted(one.tenant for one in told) == tenants
    found = await rows("SELECT schemaname::text FROM pg_tables WHERE tablename = 'b'")
    assert sorted(name for (name,) in found) == tenants
    again = await migrations.migrate_tenants(repo, "tenant_*", folder)
    assert [one.value for one in again] == [[]] * 6


@on_postgres
async def test_a_failure_in_one_schema_leaves_the_others_alone(repo, folder, tenants, rows):
    await rows("CREATE TABLE tenant_2.b (x integer)")
    outcomes = await migrations.migrate_tenants(repo, "tenant_*", folder, parallel=2)
    failed = [one for one in outcomes if one.error is not None]
    assert [one.tenant for one in failed] == ["tenant_2"]
    assert "already exists" in failed[0].error.message
    assert all(one.value == [1, 2] for one in outcomes if one.error is None)
    status = {
        one.tenant: [two.state for two in one.value] for one in await migrations.tenants_status(repo, "t*", folder)
    }
    assert status["tenant_2"] == ["up", "pending"]
    assert status["tenant_5"] == ["up", "up"]


@on_postgres
async def test_fail_fast_begins_no_other_schema(repo, folder, tenants, rows):
    await rows("CREATE TABLE tenant_1.a (x integer)")
    outcomes = await migrations.migrate_tenants(repo, "tenant_*", folder, parallel=1, fail_fast=True)
    assert [(one.tenant, one.error is not None, one.skipped) for one in outcomes] == [
        ("tenant_0", False, False),
        ("tenant_1", True, False),
        *((name, False, True) for name in tenants[2:]),
    ]


@on_postgres
async def test_no_more_schemas_than_asked_for_are_worked_on_at_once(repo, folder, tenants, monkeypatch):
    at_once, most = 0, 0

    async def counted(*args, **options):
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.01)
        at_once -= 1
        return []

    monkeypatch.setattr("ectype.migrations.tenancy.migrate", counted)
    await migrations.migrate_tenants(repo, "tenant_*", folder, parallel=2)
    assert most == 2


@on_postgres
async def test_what_fits_nothing_is_refused(repo, folder, tenants):
    with pytest.raises(MigrationError, match=r"no schema fits 'tenent_\*'") as caught:
        await migrations.migrate_tenants(repo, "tenent_*", folder)
    assert "tenant_0" in caught.value.hint
    with pytest.raises(MigrationError, match="`parallel` must be 1 or more, got 0"):
        await migrations.migrate_tenants(repo, "*", folder, parallel=0)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_schemas_on_sqlite_are_refused(repo, folder):
    with pytest.raises(UnsupportedError, match="SQLite can do: it has no schemas"):
        await migrations.tenants(repo, "*")


DIALECT = """
def change(m):
    with m.create_table("people") as t:
        t.references("boss_id", "people")
        t.references("country_id", "countries", prefix="shared")
    m.execute(f"INSERT INTO people DEFAULT VALUES; COMMENT ON TABLE people IS 'of {m.prefix}'", "")
"""


@on_postgres
async def test_a_migration_knows_the_schema_that_it_runs_in(repo, folder, write, tenants, rows):
    await rows("CREATE SCHEMA shared")
    await rows("CREATE TABLE shared.countries (id bigint PRIMARY KEY)")
    write("3_people", text=DIALECT)
    await migrations.migrate(repo, folder, prefix="tenant_1")
    assert await rows("SELECT obj_description('tenant_1.people'::regclass)") == [("of tenant_1",)]
    keys = "SELECT confrelid::regclass::text FROM pg_constraint WHERE contype = 'f' ORDER BY 1"
    assert await rows(keys) == [("shared.countries",), ("tenant_1.people",)]
    assert await migrations.rollback(repo, folder, prefix="tenant_1") == [3]


@on_postgres
async def test_a_repo_of_a_migration_works_in_its_schema(repo, folder, write, tenants, rows):
    write(
        "3_people",
        text="async def up(m):\n"
        "    m.execute('CREATE TABLE people (name text)')\n"
        "    await m.flush()\n"
        "    await m.repo.query('INSERT INTO people VALUES ({})', m.prefix)\n"
        "\n\ndef down(m):\n    m.drop_table('people')\n",
    )
    await migrations.migrate(repo, folder, prefix="tenant_1")
    assert await rows("SELECT name FROM tenant_1.people") == [("tenant_1",)]


@on_postgres
async def test_a_command_that_names_another_schema_than_the_run_is_refused_with_nothing_done(
    repo, folder, write, tenants, rows
):
    write("3_elsewhere", "m.drop_table('a', prefix='other')")
    with pytest.raises(MigrationError, match='a command has prefix="other", and the migration runs in `tenant_1`'):
        await migrations.migrate(repo, folder, prefix="tenant_1")
    assert await migrations.applied(repo, prefix="tenant_1") == []


@on_postgres
async def test_a_run_in_one_schema_does_not_wait_for_a_run_in_another(repo, folder, tenants):
    async with guard_postgres.hold(repo.adapter, Patience(), "tenant_0"):
        assert await migrations.migrate(repo, folder, prefix="tenant_1", lock_wait=0.2) == [1, 2]
        with pytest.raises(migrations.MigrationLockError):
            await migrations.migrate(repo, folder, prefix="tenant_0", lock_wait=0.2)

import pytest

from ectype import migrations
from ectype.adapters.registry import adapter_for
from tests.integration.diff.changes import CHANGES, Change
from tests.integration.diff.conftest import Project, fingerprint

ON_BOTH = [change for change in CHANGES if change.sqlite is not None]


async def holds(project: Project, change: Change, expected: tuple[str, ...], *, sqlite: bool) -> None:
    def declared(new: bool):
        def declare(base):
            type.__setattr__(base, "on_sqlite", sqlite)
            return change.declare(base, new)

        return declare

    assert await project.write(declared(False))
    await project.apply()
    if change.hand:
        await project.execute(*change.hand)
    before = await project.state()
    assert "\n---\n".join(await project.write(declared(True), renames=change.renames)) == "\n---\n".join(expected)
    applied = await project.apply()
    found = await project.diff(declared(True), renames=change.renames)
    assert (found.difference.steps, found.difference.unmanaged) == ([], [])
    if change.hand:
        return
    await migrations.rollback(project, project.folder, step=len(applied))
    assert fingerprint(await project.state()) == fingerprint(before)


def test_there_are_thirty():
    assert len(CHANGES) == 30


@pytest.mark.postgres
@pytest.mark.parametrize("change", CHANGES, ids=[change.name for change in CHANGES])
async def test_the_diff_writes_what_a_careful_person_would_and_its_next_run_finds_nothing(postgres, change):
    await holds(postgres, change, change.postgres, sqlite=False)


@pytest.mark.parametrize("change", ON_BOTH, ids=[change.name for change in ON_BOTH])
async def test_it_does_so_on_sqlite_where_that_has_such_a_thing(sqlite_project, change):
    assert change.sqlite is not None
    await holds(sqlite_project, change, change.sqlite, sqlite=True)


@pytest.mark.postgres
@pytest.mark.parametrize("change", [one for one in CHANGES if not one.hand], ids=lambda one: one.name)
async def test_every_file_that_it_writes_leads_back_by_itself(postgres, postgres_server, change):
    """A project that checks its migrations, file by file, can keep what the diff wrote."""

    def declared(new: bool):
        def declare(base):
            type.__setattr__(base, "on_sqlite", False)
            return change.declare(base, new)

        return declare

    await postgres.write(declared(False))
    await postgres.apply()
    await postgres.write(declared(True), renames=change.renames)
    irreversible = tuple(
        int(path.name.partition("_")[0])
        for path in postgres.folder.glob("*.py")
        if "add_enum_value" in path.read_text()
    )
    url = postgres_server.create_database()
    try:
        elsewhere = Project(url, postgres.folder, adapter_for(url))
        checked = await migrations.check_migrations(elsewhere, postgres.folder, irreversible=irreversible)
    finally:
        postgres_server.drop_database(url)
    assert len(checked) >= 2

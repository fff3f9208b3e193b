import pytest

from ectype import migrations
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

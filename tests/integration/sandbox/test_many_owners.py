"""Many tests at once on one database: in one process, and in four under pytest-xdist."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ectype import Invalid, Repo, change, fn, from_, sandbox
from tests.databases import run
from tests.integration.sandbox.people import Note, Person, named

SCENARIOS = 200
OWNERS = 20
SECONDS = 100.0
"""The ceiling of what must end."""

PLUGINS = ("-p", "xdist.plugin", "-p", "pytest_asyncio.plugin", "-p", "no:cacheprovider")
"""Only these, since loading all that is installed takes four processes a while."""

CONFTEST = """
import os
import pytest
from ectype import Repo, migrations
from ectype.adapters.registry import adapter_for

pytest_plugins = ["ectype.testing"]

@pytest.fixture
def ectype_repo() -> Repo:
    return Repo(os.environ["PEOPLE_URL"], sandbox=True, timeout=60)

async def pytest_ectype_setup(repo: Repo) -> None:
    await migrations.migrate(repo, os.environ["PEOPLE_MIGRATIONS"])
"""

MIGRATION = '''"""create people"""
from ectype.migrations import Migration

def change(m: Migration) -> None:
    with m.create_table("people") as t:
        t.column("name", str, null=False)
    m.create_index("people", "name", unique=True)
'''

TESTS = """
import asyncio
import os
import pytest
from ectype import Field, Repo, Schema, change, fn, from_, primary_key

class Person(Schema, table="people"):
    id: Field[int] = primary_key()
    name: Field[str]

@pytest.mark.parametrize("number", range(40))
async def test_a_scenario(repo: Repo, number: int) -> None:
    mine = [f"person {number} {place}" for place in range(3)]
    for name in mine:
        await repo.insert(Person(name=name))
        # So that the scenarios of the workers overlap.
        await asyncio.sleep(0.01)
    async with repo.transaction():
        await repo.insert(Person(name="of all tests"))
    found = await repo.all(from_(Person).select(Person.name).order_by(Person.id))
    assert found == [*mine, "of all tests"]
    assert not repo.in_transaction
    with open(os.environ["WORKERS"], "a") as file:
        file.write(os.environ["PYTEST_XDIST_WORKER"] + "\\n")
"""


async def test_two_hundred_scenarios_over_twenty_connections_do_not_see_each_other(people_url: str):
    alive = 0
    most = 0

    async def scenario(number: int) -> int:
        nonlocal alive, most
        async with sandbox(repo, name=f"scenario {number}"):
            alive += 1
            most = max(most, alive)
            mine = [f"person {number} {place}" for place in range(3)]
            for name in mine:
                person = await repo.insert(Person(name=name))
            async with repo.transaction():
                await repo.insert(Note(body="a note", author_id=person.id))
                assert isinstance(await repo.try_insert(named(mine[0])), Invalid)
                await repo.update(change(person, Person.name.set(f"{mine[2]} again")))
            async with repo.transaction() as tx:
                await repo.delete_all(Note)
                tx.rollback()
            names, notes = await asyncio.gather(
                repo.all(from_(Person).select(Person.name).order_by(Person.name)),
                repo.aggregate(Note, fn.count(Note.id)),
            )
            assert names == [*mine[:2], f"{mine[2]} again"]
            assert notes == 1
            assert not repo.in_transaction
            alive -= 1
            return number

    async with Repo(people_url, pool_size=OWNERS, timeout=60, sandbox=True) as repo, asyncio.timeout(SECONDS):
        done = await asyncio.gather(*(scenario(number) for number in range(SCENARIOS)))
    assert done == list(range(SCENARIOS))
    assert most == OWNERS
    async with Repo(people_url) as outside:
        assert await outside.aggregate(Person, fn.count(Person.id)) == 0


@pytest.fixture(params=[pytest.param("postgres", marks=pytest.mark.postgres), "sqlite"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'template.db'}"
    url: str = request.getfixturevalue("fresh_postgres_url")
    return url


def test_four_workers_of_xdist_share_one_database(empty_url: str, tmp_path: Path):
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    folder = tmp_path / "project"
    (folder / "migrations").mkdir(parents=True)
    (folder / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    (folder / "test_people.py").write_text(TESTS, encoding="utf-8")
    (folder / "migrations" / "20260101000000_create_people.py").write_text(MIGRATION, encoding="utf-8")
    workers = tmp_path / "workers"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *PLUGINS, "-n", "4", "-o", "asyncio_mode=auto"],
        cwd=folder,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PEOPLE_URL": empty_url,
            "PEOPLE_MIGRATIONS": str(folder / "migrations"),
            "WORKERS": str(workers),
        },
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert re.search("40 passed", done.stdout)
    assert len(set(workers.read_text(encoding="utf-8").split())) == 4
    assert run(_people(empty_url)) == 0


async def _people(url: str) -> int:
    async with Repo(url) as repo:
        return int((await repo.query("select count(*) from people")).rows[0][0])

"""The pytest plugin in projects of its own: which repo is tested, what is prepared once, and how a test is marked."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.databases import run
from tests.integration.sandbox.people import create_tables

SECONDS = 100.0
PLUGINS = ("-p", "pytest_asyncio.plugin", "-p", "no:cacheprovider", "-W", "error")
LOOP = ("-o", "asyncio_default_fixture_loop_scope=function")

HEAD = """
import os
import pytest
from ectype import Field, Owner, Repo, Schema, from_, primary_key, sandbox

class Person(Schema, table="people"):
    id: Field[int] = primary_key()
    name: Field[str]
"""

CONFTEST = """
import os
import pytest
from ectype import Repo, migrations

pytest_plugins = ["ectype.testing"]

@pytest.fixture
def ectype_repo() -> Repo:
    return Repo(os.environ["PEOPLE_URL"], sandbox=True)
"""


class Project:
    """A folder with tests, and the process that runs them."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url

    def run(self, conftest: str, tests: str, *, mode: str = "auto") -> str:
        """Run the tests, and return all that pytest printed."""
        (self.folder / "conftest.py").write_text(conftest, encoding="utf-8")
        (self.folder / "test_it.py").write_text(HEAD + tests, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-rA", *PLUGINS, *LOOP, "-o", f"asyncio_mode={mode}"],
            cwd=self.folder,
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
                "PEOPLE_URL": self.url,
            },
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return done.stdout + done.stderr


@pytest.fixture
def project(tmp_path: Path) -> Project:
    url = f"sqlite:///{tmp_path / 'people.db'}"
    run(create_tables(url))
    folder = tmp_path / "project"
    folder.mkdir()
    return Project(folder, url)


def test_a_project_that_does_not_say_which_repo_it_tests_is_shown_the_fixture(project: Project):
    said = project.run(
        'pytest_plugins = ["ectype.testing"]', "async def test_one(repo: Repo) -> None:\n    raise AssertionError\n"
    )
    assert "nothing says which repo is tested" in said
    assert "def ectype_repo() -> Repo:" in said


def test_a_repo_that_would_store_what_tests_do_is_refused(project: Project):
    said = project.run(
        CONFTEST.replace(", sandbox=True", ""), "async def test_one(repo: Repo) -> None:\n    raise AssertionError\n"
    )
    assert "is no sandbox: what it does is stored" in said
    assert "1 error" in said


@pytest.mark.parametrize("mode", ["auto", "strict"])
def test_each_test_has_an_owner_named_after_it_and_the_database_is_prepared_once(project: Project, mode: str):
    conftest = (
        CONFTEST
        + """
prepared = []

async def pytest_ectype_setup(repo: Repo) -> None:
    prepared.append(repo)
    assert len(prepared) == 1
    async with Repo(os.environ["PEOPLE_URL"]) as outside:
        await outside.query("insert into people (name) values ('seed')")
"""
    )
    said = project.run(
        conftest,
        """
@pytest.mark.asyncio
@pytest.mark.parametrize("number", range(3))
async def test_one(repo: Repo, owner: Owner, number: int) -> None:
    assert owner.name == f"test_it.py::test_one[{number}]"
    await repo.insert(Person(name="Ada"))
    assert await repo.all(from_(Person).select(Person.name).order_by(Person.id)) == ["seed", "Ada"]

@pytest.mark.asyncio
async def test_without_owner(ectype_repo: Repo) -> None:
    async with ectype_repo:
        with pytest.raises(Exception, match="has no owner: task `.*`, in the test `test_it.py::test_without_owner`"):
            await ectype_repo.all(Person)
""",
        mode=mode,
    )
    assert "4 passed" in said, said


def test_a_setup_that_is_not_async_is_called_too(project: Project):
    conftest = CONFTEST + "\ndef pytest_ectype_setup(repo):\n    os.environ['PREPARED'] = repo.adapter.url\n"
    said = project.run(
        conftest,
        "async def test_one(repo: Repo) -> None:\n    assert os.environ['PREPARED'] == repo.adapter.url\n",
    )
    assert "1 passed" in said, said


def test_a_marker_says_how_the_owner_is_opened(project: Project):
    said = project.run(
        CONFTEST,
        """
import asyncio

@pytest.mark.sandbox(shared=True, isolation="serializable", timeout=50)
async def test_shared(repo: Repo, owner: Owner) -> None:
    assert owner.shared
    assert owner.isolation == "serializable"

async def test_not_shared(repo: Repo, owner: Owner) -> None:
    assert not owner.shared

@pytest.mark.sandbox(isolaton="serializable")
async def test_misspelt(repo: Repo) -> None:
    raise AssertionError

@pytest.mark.sandbox(True)
async def test_by_position(repo: Repo) -> None:
    raise AssertionError

@pytest.mark.sandbox(isolation="read committed")
async def test_unsupported(repo: Repo) -> None:
    raise AssertionError
""",
    )
    assert "2 passed, 3 errors" in said, said
    assert "the marker `sandbox` does not know isolaton" in said
    assert "did you mean `isolation`?" in said
    assert "the marker `sandbox` does not know True" in said
    assert "'read committed' is not what the sandbox can do on SQLite" in said


def test_without_pytest_the_import_says_what_to_install():
    code = "import sys; sys.modules['pytest'] = None; import ectype.testing"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert "hint: pip install 'ectype[testing]'" in done.stderr

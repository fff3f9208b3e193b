"""The page on testing is true: its files make a project whose tests pass, on both databases."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "testing.md"
SECONDS = 100.0


@pytest.fixture(params=[pytest.param("postgres", marks=pytest.mark.postgres), "sqlite"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'template.db'}"
    url: str = request.getfixturevalue("fresh_postgres_url")
    return url


def test_the_project_of_the_page_passes_its_tests(empty_url: str, tmp_path: Path):
    folder = tmp_path / "project"
    (folder / "migrations").mkdir(parents=True)
    blocks = re.findall(r"(?ms)^```python\n# (\S+)\n(.*?)^```", PAGE.read_text(encoding="utf-8"))
    assert [name for name, _ in blocks] == [
        "conftest.py", "blog.py", "migrations/20260101000000_create_posts.py", "test_posts.py"
    ]  # fmt: skip
    for name, code in blocks:
        (folder / name).write_text(code, encoding="utf-8")
    plugins = ("-p", "pytest_asyncio.plugin", "-p", "no:cacheprovider")
    modes = ("-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", *plugins, *modes],
        cwd=folder,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONPATH": str(folder),
            "TEST_DATABASE_URL": empty_url,
        },
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "7 passed" in done.stdout


def test_the_page_names_all_that_testing_and_the_sandbox_offer():
    text = PAGE.read_text(encoding="utf-8")
    names = (
        "sandbox(repo", "shared", "isolation", "timeout", "name", "owner.allow", "reassign", "owner.active",
        "owner.header", "SandboxMiddleware", "path=", "ectype_repo", "pytest_ectype_setup", "pytest.mark.sandbox",
        "assert_queries", "assert_no_n_plus_one", "TooManyQueriesError", "OwnershipError",
    )  # fmt: skip
    assert [name for name in names if name not in text] == []

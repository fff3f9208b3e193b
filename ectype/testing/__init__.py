"""Tests that share one database: a pytest plugin, and what a test may say about the statements that it runs.

Load it in the outermost `conftest.py`, and say which repo is tested and what its database needs:

    pytest_plugins = ["ectype.testing"]

    @pytest.fixture
    def ectype_repo() -> Repo:
        return Repo("postgresql://localhost/blog_test", sandbox=True)

    async def pytest_ectype_setup(repo: Repo) -> None:
        await migrations.migrate(repo, "migrations")

A test that takes the fixture `repo` then has a sandbox of its own. (PYTEST_DONT_REWRITE: nothing here asserts.)
"""

try:
    import pytest as pytest
except ModuleNotFoundError as exc:
    raise ModuleNotFoundError(
        "ectype.testing needs pytest\n\nhint: pip install 'ectype[testing]'", name="pytest"
    ) from exc

from ectype.testing.plugin import (
    ectype_repo,
    owner,
    pytest_addhooks,
    pytest_configure,
    repo,
)
from ectype.testing.queries import Queries, TooManyQueriesError, assert_no_n_plus_one, assert_queries

__all__ = [
    "Queries",
    "TooManyQueriesError",
    "assert_no_n_plus_one",
    "assert_queries",
    "ectype_repo",
    "owner",
    "pytest_addhooks",
    "pytest_configure",
    "repo",
]

"""The hook that a `conftest.py` may have."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from ectype.repo.repo import Repo


def pytest_ectype_setup(repo: Repo) -> Awaitable[None] | None:  # type: ignore[empty-body]
    """Prepare the database of a repo, once in each process that runs tests: `await migrations.migrate(repo, folder)`.

    It may be async. Migrations reach the database themselves, and what they do stays; other calls of a sandboxed repo
    have no owner here, so that rows that all tests share are written by a `Repo(url)` of your own.

    Args:
        repo: what the fixture `ectype_repo` gave.
    """

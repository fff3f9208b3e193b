"""The fixtures of the plugin: a repo, and an owner of its sandbox for each test."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from inspect import isawaitable
from typing import Any, cast

import pytest

from ectype.adapters.sandbox import sandbox, sandbox_of
from ectype.adapters.sandbox_owner import Owner
from ectype.errors import ConfigError, did_you_mean
from ectype.repo.repo import Repo
from ectype.testing import hooks

try:
    # In its strict mode it runs the async fixtures only that are made by it.
    from pytest_asyncio import fixture as _async_fixture
except ImportError:  # another plugin, as that of anyio, runs all of them
    _async_fixture = pytest.fixture

_OPTIONS = ("shared", "isolation", "timeout")
_PREPARED = pytest.StashKey[set[str]]()

_fixture = cast("Callable[[Callable[..., Any]], Any]", _async_fixture)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Make the hook known."""
    pluginmanager.add_hookspecs(hooks)


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers", "sandbox(shared=False, isolation=None, timeout=120): how the owner of this test is opened"
    )
    config.stash[_PREPARED] = set()


@pytest.fixture
def ectype_repo() -> Repo:
    """The repo that is tested: to be written in your `conftest.py`."""
    raise ConfigError(
        "nothing says which repo is tested",
        hint="write it into conftest.py:\n\n"
        "    @pytest.fixture\n"
        "    def ectype_repo() -> Repo:\n"
        '        return Repo("postgresql://localhost/blog_test", sandbox=True)',
    )


@_fixture
async def owner(ectype_repo: Repo, request: pytest.FixtureRequest) -> AsyncGenerator[Owner]:
    """The owner of all that this test does in the database; it is undone when the test ends."""
    options = _options(request.node)
    sandbox_of(ectype_repo)
    await _prepare(ectype_repo, request.config)
    async with ectype_repo, sandbox(ectype_repo, name=request.node.nodeid, **options) as opened:
        yield opened


@pytest.fixture
def repo(ectype_repo: Repo, owner: Owner) -> Repo:  # noqa: ARG001  # it is open while the test runs
    """The repo that is tested, in a sandbox of this test's own."""
    return ectype_repo


def _options(node: pytest.Item) -> dict[str, Any]:
    marker = node.get_closest_marker("sandbox")
    if marker is None:
        return {}
    wrong = [*map(repr, marker.args), *(name for name in marker.kwargs if name not in _OPTIONS)]
    if wrong:
        raise ConfigError(f"the marker `sandbox` does not know {wrong[0]}", hint=did_you_mean(wrong[0], _OPTIONS))
    return dict(marker.kwargs)


async def _prepare(repo: Repo, config: pytest.Config) -> None:
    prepared = config.stash[_PREPARED]
    if repo.adapter.url in prepared:
        return
    for answer in config.hook.pytest_ectype_setup(repo=repo):
        if isawaitable(answer):
            await answer
    prepared.add(repo.adapter.url)

"""Fixtures that every test may ask for: a database of each kind, empty and its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from ectype.adapters.base import Adapter
from ectype.adapters.registry import adapter_for
from tests.databases import PostgresServer, Unavailable

# A machine that is busy for half a second is no failure: what takes long is `make bench`'s to say.
settings.register_profile("ectype", deadline=None)
settings.load_profile("ectype")

SERVER = pytest.StashKey[PostgresServer]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[SERVER] = PostgresServer()


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[SERVER].stop()


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("postgres") is not None:
        _url_or_skip(item.config.stash[SERVER])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    server = config.stash[SERVER]
    if not server.asked:
        return
    terminalreporter.section("databases")
    terminalreporter.write_line("SQLite: ran")
    ran = f"ran on {server.origin}" if not server.reason else f"skipped: {server.reason}"
    terminalreporter.write_line(f"PostgreSQL: {ran}")


def _url_or_skip(server: PostgresServer) -> str:
    try:
        return server.url()
    except Unavailable as exc:
        pytest.skip(f"no PostgreSQL: {exc}")


@pytest.fixture(scope="session")
def postgres_server(pytestconfig: pytest.Config) -> PostgresServer:
    """The server, for tests that make databases, roles or connections of their own."""
    server = pytestconfig.stash[SERVER]
    _url_or_skip(server)
    return server


@pytest.fixture(scope="session")
def postgres_url(postgres_server: PostgresServer) -> str:
    """A PostgreSQL database that all tests of this run share: leave it as it was."""
    return postgres_server.create_database()


@pytest.fixture
def fresh_postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """An empty PostgreSQL database of this test's own."""
    url = postgres_server.create_database()
    yield url
    postgres_server.drop_database(url)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A SQLite file of this test's own, which does not exist yet."""
    return f"sqlite:///{tmp_path / 'test.db'}"


@pytest.fixture(params=[pytest.param("postgres", marks=pytest.mark.postgres), "sqlite"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database of this test's own, once on each adapter."""
    name = {"postgres": "fresh_postgres_url", "sqlite": "sqlite_url"}[request.param]
    url: str = request.getfixturevalue(name)
    return url


@pytest.fixture
def adapter(database_url: str) -> Adapter:
    """The adapter of `database_url`."""
    return adapter_for(database_url)

"""An application whose schemas change, and its database, for the tests of the diff."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ectype import Registry, Schema, migrations
from ectype.adapters.base import Adapter
from ectype.adapters.registry import adapter_for
from ectype.migrations.diff.building import read_database
from ectype.migrations.diff.files import write
from ectype.migrations.diff.planning import Found, diff
from ectype.migrations.diff.state import State, comparable


def base() -> Any:
    """The base of an application of its own."""

    class Application(Schema, abstract=True, registry=Registry()):
        """Its schemas."""

    return Application


@dataclass
class Project:
    """A database and a folder of migrations. `adapter` makes it a repo to the migrations."""

    url: str
    folder: Path
    adapter: Adapter
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    async def diff(self, declare: Callable[[Any], object], **options: Any) -> Found:
        """Compare the database with what `declare` declares on a base."""
        application = base()
        kept = declare(application)
        found = await diff(self.url, application, self.folder, **options)
        assert kept is not None, "the schemas must live until they are read"
        return found

    async def write(self, declare: Callable[[Any], object], **options: Any) -> list[str]:
        """Write the migrations of a diff; return the body of each, without what stands before it."""
        found = await self.diff(declare, **options)
        paths = write(found, self.folder, f"change_{next(self.numbers)}", now=datetime.now(UTC))
        return [body(path.read_text()) for path in paths]

    async def apply(self) -> list[int]:
        return await migrations.migrate(self, self.folder)

    async def state(self, *prefixes: str) -> State:
        return await read_database(self.adapter, prefixes)

    async def execute(self, *statements: str) -> None:
        connection = await self.adapter.connect(10)
        try:
            for statement in statements:
                await connection.script(statement)
        finally:
            await connection.close()

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        connection = await self.adapter.connect(10)
        try:
            return [tuple(row) for row in await connection.fetch(sql, (), list)]
        finally:
            await connection.close()


def body(text: str) -> str:
    """Return what stands after the first `def` and before another one, without its indent."""
    lines = text.partition("def ")[2].partition("\n\n\ndef ")[0].splitlines()[1:]
    return "\n".join(line.removeprefix("    ") for line in lines).strip()


def fingerprint(state: State) -> object:
    """Return all of a state in a form that does not depend on any order."""

    def shown(value: object) -> str:
        return repr(comparable(value, state.target))

    tables = {
        place: (
            sorted(map(shown, table.columns.values())),
            sorted(map(shown, table.indexes.values())),
            sorted(map(shown, table.constraints.values())),
            table.comment,
            table.row_security,
            sorted(table.invalid),
        )
        for place, table in state.tables.items()
    }
    return tables, state.enums, {key: shown(one) for key, one in state.objects.items()}


@pytest.fixture
def project(database_url: str, tmp_path: Path) -> Project:
    folder = tmp_path / "migrations"
    folder.mkdir()
    return Project(database_url, folder, adapter_for(database_url))


@pytest.fixture
def postgres(fresh_postgres_url: str, tmp_path: Path) -> Project:
    folder = tmp_path / "migrations"
    folder.mkdir()
    return Project(fresh_postgres_url, folder, adapter_for(fresh_postgres_url))


@pytest.fixture
def sqlite_project(sqlite_url: str, tmp_path: Path) -> Project:
    folder = tmp_path / "migrations"
    folder.mkdir()
    return Project(sqlite_url, folder, adapter_for(sqlite_url))

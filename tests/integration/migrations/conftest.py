from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ectype.adapters.base import Adapter, Connection
from ectype.adapters.registry import adapter_for


@dataclass(frozen=True)
class Place:
    """What stands for a repo: migrations need its adapter only."""

    adapter: Adapter


@pytest.fixture
def repo(database_url: str) -> Place:
    return Place(adapter_for(database_url))


@pytest.fixture
async def connection(repo: Place) -> AsyncIterator[Connection]:
    connection = await repo.adapter.connect(10)
    yield connection
    await connection.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "migrations"
    path.mkdir()
    return path


@pytest.fixture
def write(folder: Path) -> Callable[..., Path]:
    def write(name: str, change: str = "m.execute('SELECT 1', '')", *, text: str | None = None) -> Path:
        path = folder / f"{name}.py"
        body = "\n".join(f"    {line}" for line in change.strip().splitlines())
        path.write_text(text if text is not None else f"def change(m):\n{body}\n")
        return path

    return write


@pytest.fixture
def rows(connection: Connection) -> Callable[..., Any]:
    async def rows(sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await connection.fetch(sql, (), list)]

    return rows

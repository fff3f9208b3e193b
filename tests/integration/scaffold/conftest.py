import importlib.util
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner

from ectype import Repo
from ectype.adapters.registry import adapter_for
from ectype.cli.app import app
from tests.databases import run
from tests.integration.scaffold import shops


@dataclass(frozen=True)
class Outcome:
    returncode: int
    stdout: str
    stderr: str


def is_postgres(url: str) -> bool:
    return url.startswith("postgresql")


async def executed(url: str, sql: str) -> None:
    connection = await adapter_for(url).connect(10)
    await connection.script(sql)
    await connection.close()


@pytest.fixture
def shop_url(database_url: str) -> str:
    """The shop, once in each database."""
    run(executed(database_url, shops.POSTGRES if is_postgres(database_url) else shops.SQLITE))
    return database_url


@pytest.fixture
def gen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """Run `ectype gen schema --from-database …` in an empty project."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)

    def gen(*arguments: str) -> Outcome:
        result = CliRunner().invoke(
            app, ["gen", "schema", "--from-database", *arguments], prog_name="ectype", catch_exceptions=False
        )
        return Outcome(result.exit_code, result.stdout, result.stderr)

    return gen


@pytest.fixture
def load() -> Iterator[Callable[[Path], ModuleType]]:
    """Import a file, or a package, under a name that nothing else has."""
    before = set(sys.modules)

    def load(path: Path) -> ModuleType:
        name = f"written_{uuid.uuid4().hex}"
        file = path / "__init__.py" if path.is_dir() else path
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module

    yield load
    for name in set(sys.modules) - before:
        if name.startswith("written_"):
            del sys.modules[name]


@pytest.fixture
def shop(gen: Callable[..., Outcome], load: Callable[[Path], ModuleType], shop_url: str, tmp_path: Path) -> ModuleType:
    """The module that was written for the shop."""
    assert gen("--url", shop_url).returncode == 0
    return load(tmp_path / "schemas.py")


@pytest.fixture
async def repo(shop_url: str) -> AsyncIterator[Repo]:
    async with Repo(shop_url, pool_size=2) as repo:
        yield repo

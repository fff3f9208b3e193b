"""What the outside of the package promises: its names, what importing it costs, and the shape of the house."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import ectype
from ectype import errors

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "ectype"
FILES = sorted(PACKAGE.rglob("*.py"))
PURE = ("types", "expr", "schema", "query", "sql")
HEAVY = ("sqlglot", "asyncpg", "aiosqlite", "sqlite3", "pydantic", "rich", "typer", "starlette")


def loaded_after(statement: str) -> set[str]:
    program = f"import sys\n{statement}\nprint(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "statement",
    ["import ectype", "from ectype import Schema, Field, Repo, from_, change", "from ectype import migrations"],
)
def test_importing_the_package_loads_no_driver_and_no_generator(statement: str):
    assert loaded_after(statement).isdisjoint(HEAVY)


def test_every_public_name_is_there_and_listed():
    for name in ectype.__all__:
        assert getattr(ectype, name) is not None, name
    assert sorted(ectype.__all__) == ectype.__all__
    assert set(ectype.__all__) <= set(dir(ectype))
    with pytest.raises(AttributeError, match="module `ectype` has no name `nothing`"):
        _ = ectype.nothing


def test_the_names_that_checkers_see_are_those_that_exist():
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname or alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert seen - {"functions"} | {"fn"} == set(ectype.__all__)


def test_every_error_says_in_its_docstring_what_it_means_and_is_one_of_ours():
    found = [one for _, one in inspect.getmembers(errors, inspect.isclass) if one.__module__ == errors.__name__]
    assert len(found) > 20
    for one in found:
        assert issubclass(one, errors.EctypeError), one
        assert one.__doc__, one
        assert one.__name__ in (errors.__doc__ or ""), one


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_file_is_longer_than_six_hundred_lines(path: Path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 600


@pytest.mark.parametrize("floor", PURE)
def test_nothing_below_the_adapters_is_async_or_asks_for_a_dialect_by_name(floor: str):
    for path in sorted((PACKAGE / floor).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            assert not isinstance(node, ast.AsyncFunctionDef | ast.Await), f"{path}:{node.lineno}"
            if isinstance(node, ast.Compare) and isinstance(node.left, ast.Attribute):
                asked = ast.unparse(node)
                assert not asked.startswith(("dialect.name ==", "self.dialect.name ==")), f"{path}:{node.lineno}"


def test_nothing_that_a_user_can_reach_is_unfinished():
    """`types/base.py` says which methods a type must have; nothing else may raise NotImplementedError."""
    for path in FILES:
        if path == PACKAGE / "types" / "base.py":
            continue
        assert "NotImplementedError" not in path.read_text(encoding="utf-8"), path

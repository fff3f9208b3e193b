"""The surface: what the package offers, what it costs to import, and the rules of the house that a parser can see."""

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ectype
from ectype import errors

PACKAGE = Path(ectype.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
PURE = ("errors.py", "result.py", "telemetry.py", "types", "expr", "schema", "query", "sql")
"""What stands below the double line: no I/O, and so no `async`."""


def _pure_files() -> list[Path]:
    return [path for path in FILES if path.relative_to(PACKAGE).parts[0] in PURE]


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _places(path: Path, nodes: Iterator[ast.AST]) -> list[str]:
    return [f"{path.relative_to(PACKAGE)}:{getattr(node, 'lineno', 0)}" for node in nodes]


def _python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_names_of_the_front_door_are_what_it_says():
    assert list(ectype.__all__) == sorted(set(ectype.__all__))
    for name in ectype.__all__:
        assert getattr(ectype, name) is not None
    assert set(ectype.__all__) <= set(dir(ectype))
    with pytest.raises(AttributeError, match="module `ectype` has no name `from__`"):
        _ = ectype.from__


def test_the_checkers_see_the_same_names_as_the_program():
    seen: set[str] = set()
    for node in ast.walk(_tree(PACKAGE / "__init__.py")):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for one in ast.walk(node):
                if isinstance(one, ast.ImportFrom):
                    seen |= {alias.asname for alias in one.names if alias.asname}
                elif isinstance(one, ast.Assign):
                    seen |= {ast.unparse(target) for target in one.targets}
    assert seen == set(ectype.__all__)


def test_every_name_leads_to_the_module_that_defines_it():
    for name, module in ectype._HOMES.items():
        assert getattr(importlib.import_module(module), name) is getattr(ectype, name)


HEAVY = "{'sqlglot', 'asyncpg', 'aiosqlite', 'sqlite3', 'pydantic', 'pydantic_core', 'typer', 'rich', 'starlette'}"


@pytest.mark.parametrize("line", ["import ectype", "from ectype import Schema, Field, Repo, from_, change"])
def test_importing_loads_no_driver_and_no_generator(line: str):
    assert _python(f"import sys\n{line}\nprint(sorted({HEAVY} & set(sys.modules)))") == "[]"


def test_building_a_query_loads_no_driver_and_no_generator():
    code = (
        "import sys\nfrom ectype import *\n"
        "class User(Schema, table='users'):\n    id: Field[int] = primary_key()\n    name: Field[str]\n"
        "query = from_(User).where(User.name.like('a%')).order_by(User.id).limit(3)\nrepr(query)\n"
        f"print(sorted({HEAVY} & set(sys.modules)))"
    )
    assert _python(code) == "[]"


def test_below_the_double_line_nothing_is_async():
    kinds = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
    found = [
        place
        for path in _pure_files()
        for place in _places(path, (node for node in ast.walk(_tree(path)) if isinstance(node, kinds)))
    ]
    assert found == []


def _asks_for_a_name(node: ast.AST) -> bool:
    """Whether a comparison asks a dialect or an adapter for its name instead of a capability."""
    if not isinstance(node, ast.Compare):
        return False
    sides = [node.left, *node.comparators]
    named = [side for side in sides if isinstance(side, ast.Attribute) and side.attr == "name"]
    return any("dialect" in ast.unparse(side.value) or "adapter" in ast.unparse(side.value) for side in named)


def test_nobody_asks_a_dialect_for_its_name():
    found = [
        place
        for path in FILES
        for place in _places(path, (node for node in ast.walk(_tree(path)) if _asks_for_a_name(node)))
    ]
    assert found == []


def test_the_check_for_names_finds_one():
    assert any(map(_asks_for_a_name, ast.walk(ast.parse("if scope.dialect.name == 'SQLite': pass"))))
    assert not any(map(_asks_for_a_name, ast.walk(ast.parse("if node.name == 'sum': pass"))))


def test_every_error_says_what_it_is_for():
    classes = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, Exception)]
    assert len(classes) > 20
    for one in classes:
        assert issubclass(one, errors.EctypeError)
        assert one.__dict__.get("__doc__"), one
        assert one.__name__ in (errors.__doc__ or ""), f"{one.__name__} is missing in the list of the module"


def test_every_error_is_at_the_front_door():
    raised = {name for name, one in vars(errors).items() if isinstance(one, type) and issubclass(one, Exception)}
    assert raised <= set(ectype.__all__)


def test_no_file_is_too_long_to_read():
    assert {str(path.relative_to(PACKAGE)): count for path in FILES if (count := _lines(path)) > 640} == {}


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def _raises_not_implemented(node: ast.AST) -> bool:
    return isinstance(node, ast.Raise) and node.exc is not None and "NotImplementedError" in ast.unparse(node.exc)


def test_nothing_is_left_to_be_implemented():
    found = {
        str(path.relative_to(PACKAGE))
        for path in FILES
        if any(_raises_not_implemented(node) for node in ast.walk(_tree(path)))
    }
    # The contract of a field type: a type of one's own brings what it has.
    assert found == {"types/base.py"}


def test_task_local_state_stands_in_two_files_only():
    found = {str(path.relative_to(PACKAGE)) for path in FILES if "import ContextVar" in path.read_text("utf-8")}
    assert found == {"repo/transaction.py", "adapters/sandbox.py"}


def test_every_file_says_what_it_is_for():
    assert [str(path) for path in FILES if not ast.get_docstring(_tree(path))] == []


def test_imports_are_absolute():
    found = [
        place
        for path in FILES
        for place in _places(
            path, (node for node in ast.walk(_tree(path)) if isinstance(node, ast.ImportFrom) and node.level)
        )
    ]
    assert found == []

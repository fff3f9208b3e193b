"""The project's own Python code, as the commands use it: its schemas, and files that are run with its repo."""

from __future__ import annotations

import ast
import importlib
import sys
import traceback
from collections.abc import Mapping
from inspect import isawaitable
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, TypeGuard

from ectype.cli.settings import Project
from ectype.errors import ConfigError, EctypeError
from ectype.schema.meta import SchemaInfo

AWAITS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


def schemas_of(project: Project, given: str | None = None) -> dict[str, type[Any]]:
    """Return the schemas with a table of the project's modules, by name; none where no module is named.

    Raises:
        ConfigError: a module is not there, or cannot be imported.
    """
    found: dict[str, type[Any]] = {}
    for name in (given or project.schemas or "").split(","):
        if name.strip():
            # Behind a colon stands the base that the diff compares with.
            module = _imported(name.partition(":")[0].strip(), project)
            found |= {one.__name__: one for one in vars(module).values() if _is_schema(one)}
    return found


def run_file(path: Path, project: Project, names: Mapping[str, object]) -> Any:
    """Compile a file in which `await` may stand outside of functions; return the coroutine, or what is awaitable.

    Raises:
        ConfigError: it cannot be read, or is no Python.
    """
    try:
        code = compile(path.read_bytes(), str(path), "exec", flags=AWAITS)
    except (OSError, SyntaxError, ValueError) as exc:
        line = f":{exc.lineno}" if isinstance(exc, SyntaxError) and exc.lineno else ""
        raise ConfigError(f"{path}{line} cannot be run: {getattr(exc, 'strerror', None) or exc}") from exc
    _find_modules_of(project)
    return _run(code, path, {"__name__": "__main__", "__file__": str(path), **names})


async def _run(code: CodeType, path: Path, names: dict[str, object]) -> None:
    try:
        outcome: object = eval(code, names)
        if isawaitable(outcome):
            await outcome
    except EctypeError as exc:
        exc.add_note(f"in {_place(exc, path)}")
        raise
    except Exception as exc:
        raise EctypeError(
            f"{_place(exc, path)}: {type(exc).__name__}: {exc}",
            hint="the transaction was rolled back: nothing of the file is saved",
        ) from exc


def _place(error: BaseException, path: Path) -> str:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f"{path}:{lines[-1]}" if lines else str(path)


def _imported(name: str, project: Project) -> ModuleType:
    _find_modules_of(project)
    try:
        return importlib.import_module(name)
    except Exception as exc:
        if isinstance(exc, ModuleNotFoundError) and exc.name is not None and name.startswith(exc.name):
            raise ConfigError(
                f"there is no module `{name}` for the schemas",
                hint=f"`schemas` under tool.ectype names a module that is found from {project.root}: "
                'schemas = "app.schemas"',
            ) from exc
        what = exc.message if isinstance(exc, EctypeError) else f"{type(exc).__name__}: {exc}"
        raise ConfigError(f"the module `{name}` cannot be imported: {what}") from exc


def _find_modules_of(project: Project) -> None:
    # As `python -m` does; the program `ectype` itself stands in another folder.
    for folder in (project.root / "src", project.root):
        if folder.is_dir() and str(folder) not in sys.path:
            sys.path.insert(0, str(folder))


def _is_schema(one: object) -> TypeGuard[type[Any]]:
    info = getattr(one, "__schema__", None)
    return isinstance(one, type) and isinstance(info, SchemaInfo) and info.table is not None and info.schema is one

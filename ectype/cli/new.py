"""`ectype new NAME`."""

from __future__ import annotations

import keyword
import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from ectype.cli.failures import reported
from ectype.cli.new_files import files
from ectype.cli.options import Json, Quiet
from ectype.cli.output import Output
from ectype.errors import ConfigError


def new(
    name: Annotated[str, typer.Argument(help="The project's name, as blog; it is the folder's too.")],
    *,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Write a small project that migrates, runs and is tested as it is."""
    output = Output(as_json=json, quiet=quiet)
    with reported(output):
        package = _package(name)
        root = Path(name)
        if root.exists():
            raise ConfigError(f"{root} exists, nothing was written", hint="take another name, or another folder")
        written = files(name, package)
        for path, text in written.items():
            target = root / path
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, encoding="utf-8")
            except OSError as exc:
                raise ConfigError(f"{target} cannot be written: {exc.strerror}", hint="look at the folder") from exc
        output.line(f"wrote {root}: {len(written)} files", mark="✔")
        output.line(f"next: cd {name} && ectype migrate && ectype seed && python -m {package}")
        output.document({"folder": str(root), "files": sorted(written)})


def _package(name: str) -> str:
    package = name.replace("-", "_")
    if re.fullmatch(r"[a-z][a-z0-9_]*", package) is None or keyword.iskeyword(package):
        raise ConfigError(
            f"{name!r} cannot be the name of a project", hint="take lower-case letters, digits, `-` and `_`: my-blog"
        )
    if package in sys.stdlib_module_names or package in ("ectype", "tests", "migrations", "seeds"):
        raise ConfigError(f"there is a module `{package}` already", hint=f"take another name, as my-{name}")
    return package

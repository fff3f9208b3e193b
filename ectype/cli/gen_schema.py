"""`ectype gen schema --from-database`."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final

import typer

from ectype.adapters.base import Adapter
from ectype.adapters.registry import adapter_for
from ectype.adapters.url import MEMORY, Config
from ectype.cli.failures import reported
from ectype.cli.options import Json, Quiet
from ectype.cli.output import Output
from ectype.cli.settings import database_of, find_project
from ectype.errors import ConfigError, ConnectError
from ectype.migrations.catalog_reading import catalog_of
from ectype.migrations.scaffold.plan import Plan
from ectype.migrations.scaffold.planning import Choice, plan
from ectype.migrations.scaffold.rendering import module, package

BASE: Final = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*:[^\W\d]\w*")


def schema(
    *,
    from_database: Annotated[
        bool, typer.Option("--from-database", help="Read the tables of a database that exists.")
    ] = False,
    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            "--database",
            help="The database's URL; else DATABASE_URL, else `url` under tool.ectype in pyproject.toml.",
            metavar="URL",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="The file to write, ./schemas.py; with --split the folder, ./schemas.")
    ] = None,
    split: Annotated[bool, typer.Option("--split", help="Write a package with one module for each table.")] = False,
    tables: Annotated[
        list[str] | None, typer.Option(metavar="A,B", help="The tables to write; else all of the schema.")
    ] = None,
    exclude: Annotated[list[str] | None, typer.Option(metavar="A,B", help="Tables to leave out.")] = None,
    prefix: Annotated[
        str | None, typer.Option(metavar="SCHEMA", help="The PostgreSQL schema; else the first of the search path.")
    ] = None,
    name: Annotated[
        list[str] | None, typer.Option(metavar="TABLE=CLASS", help="The class of a table, where the rule is wrong.")
    ] = None,
    base: Annotated[
        str | None, typer.Option(metavar="MODULE:CLASS", help="The base class of the schemas, instead of Schema.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over files that exist.")] = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Write the schemas of a database that exists, with their associations."""
    out = Output(as_json=json, quiet=quiet)
    with reported(out):
        if not from_database:
            raise ConfigError(
                "`gen schema` does not know what to write the schemas from", hint="ectype gen schema --from-database"
            )
        choice = Choice(_names(tables) if tables else None, _names(exclude), _classes(name), _checked(base))
        target = _target(output, split=split)
        adapter = _reading(database_of(url, find_project(Path.cwd())))
        made = plan(asyncio.run(catalog_of(adapter, prefix)), choice)
        texts = package(made, base) if split else {"": module(made, base)}
        files = {target / file if file else target: text for file, text in texts.items()}
        _write(files, force=force)
        _tell(out, made, target, list(files))


def _names(given: list[str] | None) -> tuple[str, ...]:
    return tuple(name.strip() for text in given or () for name in text.split(",") if name.strip())


def _classes(given: list[str] | None) -> Mapping[str, str]:
    pairs = [text.rpartition("=") for text in given or ()]
    for table, _, name in pairs:
        if not table or not name:
            raise ConfigError(
                f"`--name` takes a table and its class, got {table or name!r}", hint="--name people=Person"
            )
    return {table: name for table, _, name in pairs}


def _checked(base: str | None) -> str | None:
    if base is not None and BASE.fullmatch(base) is None:
        raise ConfigError(f"`--base` takes a module and a class in it, got {base!r}", hint="--base app.db:AppSchema")
    return base


def _target(output: Path | None, *, split: bool) -> Path:
    target = output or Path("schemas" if split else "schemas.py")
    if split and target.is_file():
        raise ConfigError(f"{target} is a file, and --split writes a folder", hint="name a folder with --output")
    if not split and target.is_dir():
        raise ConfigError(
            f"{target} is a folder", hint="name a file in it with --output, or write a package with --split"
        )
    return target


def _reading(config: Config) -> Adapter:
    """Return the adapter of a database that is there; SQLite would make one, and change how its file is written."""
    if config.scheme == "sqlite" and config.path != MEMORY:
        if not Path(config.path).is_file():
            where = Path(config.path).absolute()
            raise ConnectError(
                f"{config.masked} could not be opened: there is no file {where}",
                hint="after sqlite: three slashes are relative, four are absolute",
            )
        config = replace(config, options=MappingProxyType({**config.options, "mode": "ro"}))
    return adapter_for(config)


def _write(files: Mapping[Path, str], *, force: bool) -> None:
    there = [path for path in files if path.exists()]
    if there and not force:
        others = f" and {len(there) - 1} more" if len(there) > 1 else ""
        raise ConfigError(f"{there[0]}{others} exists, nothing was written", hint="write over it with --force")
    for path, text in files.items():
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_text(text, encoding="utf-8")
            beside.replace(path)
        except OSError as exc:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
            raise ConfigError(
                f"{path} cannot be written: {exc.strerror}", hint="name another one with --output"
            ) from exc


def _tell(out: Output, made: Plan, target: Path, files: list[Path]) -> None:
    enums = f" and {_count(len(made.enums), 'enum')}" if made.enums else ""
    out.line(f"wrote {target}: {_count(len(made.classes), 'schema')}{enums}", mark="✔")
    if made.left_out:
        out.line("left out:")
        rows = [(one.table, one.what, one.why) for one in made.left_out]
        out.table(("Table", "What", "Why"), rows, ["yellow"] * len(rows))
    out.document(
        {
            "files": [str(path) for path in files],
            "schemas": {one.table: one.name for one in made.classes},
            "enums": [one.name for one in made.enums],
            "left_out": [asdict(one) for one in made.left_out],
        }
    )


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"

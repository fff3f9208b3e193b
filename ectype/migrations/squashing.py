"""Many migrations made one: the statements of all, in order, proven on scratch databases to make the same schema."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ectype.adapters.registry import adapter_for
from ectype.adapters.url import Config, parse
from ectype.errors import MigrationError
from ectype.migrations.body import body_of_script
from ectype.migrations.effects import effect
from ectype.migrations.errors import MigrationFailedError
from ectype.migrations.execution import prepare, refuse_live
from ectype.migrations.runner import migrate
from ectype.migrations.schema_hash import schema_hash
from ectype.migrations.scratch import scratch_database
from ectype.migrations.scripts import Folders, Script, checksum, find
from ectype.migrations.sql_text import split
from ectype.migrations.steps import Goal, plan
from ectype.sql.ddl_alter import looks_first
from ectype.sql.dialect import Dialect

KEPT: Final = "_squashed"
"""The folder to which the files go that one file stands for now; what begins with `_` is no migration."""

STEP_BY_STEP: Final = ("", "# A statement uses what one before it must have committed.", "transaction = False")
CONCURRENTLY: Final = re.compile(r"\bCONCURRENTLY\s+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Squashed:
    """What was written.

    Attributes:
        path: the new file.
        versions: the versions that it stands for.
        kept: where their files are now; of another folder's files it is the same place in that folder.
        schema: the hash of the schema that both make.
    """

    path: Path
    versions: tuple[int, ...]
    kept: Path
    schema: str


async def squash(url: str | Config, to: int, folder: Folders = "migrations") -> Squashed:
    """Write one migration that stands for all up to a version, and move their files aside.

    Databases that have these migrations count it as applied; empty ones run it instead. It holds the SQL of one kind of
    database, that of `url`, and has no way back. Before any file is touched, the old files and the new one run on
    scratch databases of the server, and must make the same schema.

    Args:
        url: a database of the kind that the migrations are for, where the role may make databases.
        to: the last version that goes into it.
        folder: the folder of migrations, or several; the new file stands where the last one of them stood.

    Raises:
        MigrationError: the version is unknown, there is only one migration up to it, or the schemas differ.
        MigrationFailedError: one of the migrations fails on an empty database.
        ConnectError: the server cannot be reached.
    """
    config = parse(url) if isinstance(url, str) else url
    dialect = adapter_for(config).dialect
    scripts = [step.script for step in plan({}, find(folder), Goal("up", to=to))]
    if len(scripts) < 2:
        raise MigrationError(f"there is one migration up to {to}, and one is made of it", hint="squash to a later one")
    async with scratch_database(config) as scratch:
        await migrate(scratch, folder, to=to)
        wanted = await schema_hash(scratch)
    statements = [(script, await _statements(script, dialect)) for script in scripts]
    text = await _proven(config, statements, wanted)
    return _written(scripts, text, wanted)


async def _statements(script: Script, dialect: Dialect) -> list[str]:
    prepared = await prepare(body_of_script(script), "up", dialect)
    refuse_live(prepared, "it cannot be squashed")
    if any(looks_first(statement.node, dialect) for statement in prepared.statements):
        raise MigrationError(
            f"{script.path} builds a table anew, so it cannot be squashed ({dialect.name})",
            hint=f"squash up to a version before {script.version}",
        )
    found: list[str] = []
    for sql in (one for statement in prepared.statements for one in split(statement.sql, dialect.target)):
        what = effect(sql, dialect.target)
        if what.in_transaction:
            found.append(sql)
        elif what.index is not None:
            # The tables of a new database are empty, so nobody waits for an index.
            found.append(CONCURRENTLY.sub("", sql, count=1))
        elif not what.repeatable:
            raise MigrationError(
                f"{script.path}: `{sql[:60]}` cannot run in a transaction, so it cannot be squashed",
                hint=f"squash up to a version before {script.version}",
            )
    return found


async def _proven(config: Config, statements: Sequence[tuple[Script, list[str]]], wanted: str) -> str:
    """Return the text of the new file, after it made the wanted schema."""
    for transaction in (True, False):
        text = _text(statements, transaction=transaction)
        try:
            made = await _made_by(config, statements[-1][0], text)
        except MigrationFailedError:
            # As with a new value of an enum that a later statement uses: it must be committed first.
            if not transaction:
                raise
            continue
        if made == wanted:
            return text
        raise MigrationError(
            f"the squashed migration makes another schema ({made[:12]}) than the "
            f"{len(statements)} files ({wanted[:12]})",
            hint="one of them looks at the clock, at settings or at rows; nothing was changed",
        )
    raise AssertionError("the second attempt returns or raises")


async def _made_by(config: Config, last: Script, text: str) -> str:
    with tempfile.TemporaryDirectory(prefix="ectype-") as folder:
        (Path(folder) / _name(last)).write_text(text, encoding="utf-8")
        async with scratch_database(config) as scratch:
            await migrate(scratch, folder)
            return await schema_hash(scratch)


def _written(scripts: Sequence[Script], text: str, schema: str) -> Squashed:
    last = scripts[-1]
    path = last.folder / _name(last)
    new = last.folder / f"_{path.name}"
    new.write_text(text, encoding="utf-8")
    for script in scripts:
        kept = script.folder / KEPT / str(last.version)
        kept.mkdir(parents=True, exist_ok=True)
        script.path.rename(kept / script.path.name)
    new.rename(path)
    versions = tuple(sorted({version for script in scripts for version in (script.version, *script.replaces)}))
    return Squashed(path, versions, last.folder / KEPT / str(last.version), schema)


def _text(statements: Sequence[tuple[Script, list[str]]], *, transaction: bool) -> str:
    first, last = statements[0][0], statements[-1][0]
    replaced = {version: digest for script, _ in statements for version, digest in _replaced(script)}
    empty = not any(texts for _, texts in statements)
    lines: list[str] = [
        f'"""{len(statements)} migrations in one: {first.version} {first.name} to {last.version} {last.name}"""',
        "",
        "from ectype.migrations import Migration",
        "",
        "# Databases that have these count this file as applied.",
        "replaces = {",
        *(f'    {version}: "{digest}",' for version, digest in sorted(replaced.items())),
        "}",
        *(() if transaction else STEP_BY_STEP),
        "",
        "",
        "def up(m: Migration) -> None:",
    ]
    for script, texts in statements:
        lines.append(f"    # {script.version} {script.name}{'' if texts else ': nothing'}")
        lines += [f"    m.execute({_literal(sql)})" for sql in texts]
    return "\n".join([*lines, *(["    pass"] if empty else []), ""])


def _replaced(script: Script) -> list[tuple[int, str]]:
    return [*script.replaces.items()] if script.replaces else [(script.version, checksum(script.path))]


def _name(last: Script) -> str:
    return f"{last.version}_squashed_{last.version}.py"


def _literal(sql: str) -> str:
    """Return the text as Python writes it, in lines where that is safe."""
    if "\n" not in sql or "\\" in sql or '"""' in sql or sql.endswith('"'):
        return repr(sql)
    return f'"""{sql}"""'

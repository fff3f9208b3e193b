"""The conductor of `ectype lint`: files, commands, statements, facts, rules, remarks, in this order."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from ectype.errors import EctypeError, MigrationError, did_you_mean
from ectype.migrations.body import Body, body_of_script
from ectype.migrations.effects import effect
from ectype.migrations.lint.allowing import Remarks
from ectype.migrations.lint.findings import RULES, Finding, Recipe
from ectype.migrations.lint.reading import facts_of
from ectype.migrations.lint.recording import Recorded, record
from ectype.migrations.lint.rules import look
from ectype.migrations.lint.rules_releases import long_names
from ectype.migrations.lint.scene import Found, Scene
from ectype.migrations.lint.tokens import tokens_of
from ectype.migrations.scripts import Folders, find
from ectype.migrations.sql_text import split
from ectype.sql.ddl import Execute, Node
from ectype.sql.ddl_alter import looks_first
from ectype.sql.ddl_compiler import compile_ddl
from ectype.sql.dialect import POSTGRES, Dialect
from ectype.types.base import Target

ANY_VERSION: Final = (1000, 0)
DEFAULT_SCHEMA: Final[dict[Target, str]] = {"postgres": "public", "sqlite": "main"}


async def lint(
    folder: Folders = "migrations",
    *,
    dialect: Dialect = POSTGRES,
    only: Collection[int] | None = None,
    sizes: Mapping[str, int] | None = None,
    schema: str | None = None,
) -> list[Finding]:
    """Return what the migrations of the folders would do that loses data, locks tables or breaks the release before.

    No database is needed: the commands are recorded, not run. All files are read in order, so that the types of
    columns are known; `only` says which of them are reported.

    Args:
        folder: the folder of migrations, or several.
        dialect: the database that they are for.
        only: the versions to report; None for all.
        sizes: about how many rows each table has, see `sizes_of`. A table that is not in it does not exist yet.
        schema: the schema that names without one mean, which the names in `sizes` have left out; `public` on
            PostgreSQL when nothing is said.

    Raises:
        MigrationError: the folder cannot be used, or a migration cannot be read.

    Example:
        for finding in await lint("migrations"):
            print(f"{finding.path}:{finding.line}: {finding.code} {finding.what}")
    """
    # Which server the SQL needs is for the run to say; here it is only read.
    scene = Scene(replace(dialect, version=ANY_VERSION), schema or DEFAULT_SCHEMA[dialect.target])
    found: list[Finding] = []
    for script in find(folder):
        is_wanted = only is None or script.version in only
        scene.sizes = sizes if is_wanted else None
        try:
            body = body_of_script(script)
            findings = _of_migration(body, await record(body), scene)
        except EctypeError:
            # What is not reported is read for the types of its columns only.
            if is_wanted:
                raise
            continue
        if is_wanted:
            found += _allowed(script.path, body.version, findings)
    return found


def refuse_unknown_codes(codes: Collection[str]) -> None:
    """Raise MigrationError when a code is none."""
    for code in codes:
        if code not in RULES:
            raise MigrationError(f"there is no rule {code!r}", hint=did_you_mean(code, RULES))


def _of_migration(body: Body, recorded: Recorded, scene: Scene) -> list[Finding]:
    scene.begin()
    read = [
        (node, line, sql)
        for node, line in recorded.commands
        for text in _texts(body, node, scene.dialect)
        for sql in split(text, scene.dialect.target)
    ]
    # The runner asks the same of each statement, and takes them one by one when it must.
    outside = not body.transaction or not all(effect(sql, scene.dialect.target).in_transaction for _, _, sql in read)
    scene.bound = _bound(body, recorded)
    scene.in_transaction = not outside or bool(scene.bound)
    scene.alone = len(read) == 1
    found: list[Finding] = []
    for node, line, sql in read:
        scene.written = isinstance(node, Execute)
        found += _of_statement(body, sql, line, scene)
    if recorded.ends_at is not None:
        note = Found(
            "N01",
            "it asks for its database here, so nothing after this line was looked at",
            "what follows depends on what is in the database",
            Recipe((("", "# look at the rest yourself"),)),
        )
        found.append(_finding(body, note, recorded.ends_at, "", None))
    return found


def _bound(body: Body, recorded: Recorded) -> str:
    """Say what keeps a migration in one transaction."""
    if recorded.ends_at is not None:
        return "asks for its database"
    return "has hooks" if body.after_begin is not None or body.before_commit is not None else ""


def _texts(body: Body, node: Node, dialect: Dialect) -> Iterator[str]:
    """Yield the SQL of a command; what SQLite does by building a table anew is read as PostgreSQL would say it."""
    try:
        if looks_first(node, dialect):
            dialect = replace(POSTGRES, version=ANY_VERSION)
        yield from compile_ddl(node, dialect)
    except EctypeError as exc:
        if dialect.target == "postgres" and body.path is not None:
            raise MigrationError(f"{body.path}: {exc.message}", hint=exc.hint) from exc


def _of_statement(body: Body, sql: str, line: int, scene: Scene) -> Iterator[Finding]:
    scene.tokens = tokens_of(sql)
    for found in long_names(scene):
        yield _finding(body, found, line, sql, scene.sizes)
    for said in facts_of(scene.tokens):
        fact = said.inside(scene.schema)
        for found in look(fact, scene):
            yield _finding(body, found, line, sql, scene.sizes)
        scene.learn(fact)


def _finding(body: Body, found: Found, line: int, statement: str, sizes: Mapping[str, int] | None) -> Finding:
    rows = None if sizes is None else sizes.get(found.table)
    return Finding(
        found.code,
        found.severity or RULES[found.code].severity,
        body.version,
        body.path,
        line,
        found.what,
        found.why,
        str(found.recipe),
        statement,
        found.table,
        rows,
    )


def _allowed(path: Path, version: int, findings: Sequence[Finding]) -> Iterator[Finding]:
    remarks = Remarks(path.read_text(encoding="utf-8"))
    for finding in findings:
        if not remarks.allows(finding.code, finding.line):
            yield finding
    for remark in remarks.remarks:
        if not remark.codes or not remark.reason:
            what = "the remark names no rule" if not remark.codes else "the remark gives no reason"
            example = f"# lint: ok {', '.join(remark.codes) or 'L01'} the table has 200 rows"
            yield Finding(
                "N02", "error", version, path, remark.line, what, "who reads it must know why it is safe", example
            )
        for code in remark.codes:
            if code not in RULES:
                yield Finding(
                    "N02", "error", version, path, remark.line, f"there is no rule {code}", "it allows nothing",
                    f"# {did_you_mean(code, RULES)}",
                )  # fmt: skip


def without(findings: Sequence[Finding], allowed: Collection[str]) -> list[Finding]:
    """Return the findings with those of the allowed rules made warnings."""
    return [
        replace(one, severity="warning") if one.severity == "error" and one.code in allowed else one for one in findings
    ]

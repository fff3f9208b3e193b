"""Our lint beside squawk's own program: where they differ is listed, with the reason."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ectype.migrations.body import body_of_script
from ectype.migrations.execution import prepare
from ectype.migrations.lint.checking import lint
from ectype.migrations.scripts import find
from ectype.sql.dialect import POSTGRES
from tests.integration.diff.changes import CHANGES
from tests.unit.migrations.squawk_rules import CASES, EXPLAINED, SAME

NEWEST = replace(POSTGRES, version=(18, 0))
SQUAWK = shutil.which("squawk", path=Path(sys.executable).parent)
PAGE = (Path(__file__).parents[3] / "docs" / "cli.md").read_text(encoding="utf-8")
BEFORE = """
def change(m):
    with m.create_table("teams") as t:
        t.column("name", str)
    with m.create_table("users") as t:
        t.column("email", str, null=False)
        t.column("age", "integer")
        t.column("code", "varchar(20)")
        t.column("price", "numeric(10,2)")
    m.execute("CREATE INDEX users_age ON users (age)", "")
"""
HEAD = """
from datetime import datetime
from decimal import Decimal

from ectype.migrations import Raw, indexed, references, set_null, was


def up(m):
"""

EXCUSED = {
    ("changing-column-type", "varchar(40)"): "PostgreSQL rewrites nothing when a limit is raised",
    ("changing-column-type", "TYPE text"): "PostgreSQL rewrites nothing when a limit is taken away",
    ("changing-column-type", "numeric(12,2)"): "PostgreSQL rewrites nothing when there may be more digits",
    ("prefer-text-field", "varchar(40)"): "the column had a limit before, and it is raised",
    ("prefer-text-field", "character varying(40)"): "the column had a limit before, and it is raised",
    ("adding-foreign-key-constraint", "ADD COLUMN team_id"): "every row is NULL there, so PostgreSQL checks none",
    ("ban-alter-domain-with-add-constraint", "NOT VALID"): "no row is looked at",
    ("renaming-object", "ALTER INDEX"): "no query names an index",
    ("renaming-object", "RENAME CONSTRAINT"): "no query names a constraint",
    ("transaction-nesting", "ROLLBACK TO"): "a savepoint ends nothing",
    ("ban-drop-index", "DROP INDEX CONCURRENTLY"): "nobody waits",
}
"""Where a rule of squawk is silent here, by a part of the statement."""

MORE = {
    ("T01", "COMMIT"): "each statement that begins or ends a transaction is named",
    ("L03", "serial PRIMARY KEY"): "the database numbers all rows, so it writes them anew",
    ("P01", "serial PRIMARY KEY"): "a serial is an integer",
    ("L04", "SET EXPRESSION"): "the database computes all rows, so it writes them anew",
    ("L04", "VACUUM FULL"): "squawk says so from PostgreSQL 19 on, which has REPACK; the lock was always there",
    ("L04", "CLUSTER"): "squawk says so from PostgreSQL 19 on, which has REPACK; the lock was always there",
    ("C01", "DROP TYPE"): "the release that runs may name it",
}
"""What is found here only, by a part of the statement."""


@dataclass(frozen=True)
class Compared:
    """What both say of one text."""

    sql: str
    theirs: frozenset[str]
    ours: frozenset[str]

    def differences(self) -> Iterator[str]:
        for rule in sorted(self.theirs - EXPLAINED.keys()):
            if SAME[rule] not in self.ours and not any(rule == one and part in self.sql for one, part in EXCUSED):
                yield f"squawk alone: {rule} of {self.sql}"
        known = {SAME[rule] for rule in self.theirs if rule in SAME}
        for code in sorted(self.ours - known):
            if not any(code == one and part in self.sql for one, part in MORE):
                yield f"ectype alone: {code} of {self.sql}"


def squawk(folder: Path, texts: dict[str, str]) -> dict[str, frozenset[str]]:
    """Return the rules that squawk finds broken, all of its rules being asked, by the name of the text."""
    if SQUAWK is None:
        pytest.skip("squawk is not in this environment: pip install squawk-cli")
    for path in folder.glob("*.sql"):
        path.unlink()
    for name, sql in texts.items():
        (folder / f"{name}.sql").write_text(sql + ";\n")
    asked = [word for rule in CASES if rule not in ("syntax-error", "prefer-timestamp-tz") for word in ("-i", rule)]
    how = ("--assume-in-transaction", "--pg-version", "15.0", "--reporter", "json")
    command = [SQUAWK, *how, *asked, *map(str, folder.glob("*.sql"))]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode in (0, 1), ran.stderr
    found: dict[str, set[str]] = {name: set() for name in texts}
    for one in json.loads(ran.stdout):
        found[Path(one["file"]).stem].add(one["rule_name"])
    return {name: frozenset(rules) for name, rules in found.items()}


async def ours(folder: Path, *bodies: str, before: str = BEFORE) -> list[frozenset[str]]:
    """Return the codes of our lint for each of the migrations, which follow each other."""
    for path in folder.glob("*.py"):
        path.unlink()
    (folder / "1_before.py").write_text(before)
    for number, body in enumerate(bodies, start=2):
        lines = "".join(f"    {line}\n" for line in body.splitlines())
        (folder / f"{number}_it_{number}.py").write_text(f"{HEAD}{lines}")
    found = await lint(folder)
    return [frozenset(one.code for one in found if one.version == version) for version in range(2, len(bodies) + 2)]


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("sql", "migrations"):
        (tmp_path / name).mkdir()
    return tmp_path / "sql", tmp_path / "migrations"


async def compared_rules(folders: tuple[Path, Path]) -> list[Compared]:
    texts = {f"{rule}~{number}": sql for rule, cases in CASES.items() for number, sql in enumerate(cases)}
    theirs = squawk(folders[0], texts)
    return [
        Compared(sql, theirs[name], (await ours(folders[1], f"m.execute({sql!r})"))[0]) for name, sql in texts.items()
    ]


async def test_what_squawk_finds_in_a_case_of_each_of_its_rules_is_found_here_or_explained(folders):
    found = await compared_rules(folders)
    assert [line for one in found for line in one.differences()] == []
    # Each rule is broken by one of its cases, but for the one that waits for a later PostgreSQL.
    broken = {rule for one in found for rule in one.theirs}
    assert CASES.keys() - broken == {"prefer-repack"}
    assert broken <= CASES.keys()


async def compared_changes(folders: tuple[Path, Path]) -> list[Compared]:
    made: list[tuple[str, str, frozenset[str]]] = []
    for change in CHANGES:
        codes = await ours(folders[1], *change.postgres, before="def up(m):\n    pass\n")
        for script, found in zip(find(folders[1])[1:], codes, strict=True):
            prepared = await prepare(body_of_script(script), "up", NEWEST)
            sql = ";\n".join(statement.sql for statement in prepared.statements)
            made.append((f"{change.name} {script.version}".replace(" ", "_"), sql, found))
    theirs = squawk(folders[0], {name: sql for name, sql, _ in made})
    return [Compared(sql, theirs[name], found) for name, sql, found in made]


async def test_both_say_the_same_of_what_the_diff_writes_for_thirty_changes_or_it_is_explained(folders):
    found = await compared_changes(folders)
    assert [line for one in found for line in one.differences()] == []


async def test_every_explanation_is_needed_and_on_the_page(folders):
    found = [*await compared_rules(folders), *await compared_changes(folders)]
    met = {rule for one in found for rule in one.theirs}
    assert EXPLAINED.keys() - met == set()
    for rule, part in EXCUSED:
        assert any(part in one.sql and rule in one.theirs for one in found), (rule, part)
    for code, part in MORE:
        assert any(part in one.sql and code in one.ours for one in found), (code, part)
    named = set(re.findall(r"`([a-z]+(?:-[a-z]+)+)`", PAGE))
    assert EXPLAINED.keys() | {rule for rule, _ in EXCUSED} <= named


def test_every_rule_is_the_same_as_one_of_ours_or_explained():
    assert SAME.keys() | EXPLAINED.keys() == CASES.keys()
    assert not SAME.keys() & EXPLAINED.keys()

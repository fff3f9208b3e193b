"""What `ectype lint` says: its rules by code, and a finding with its place, its reason and what to write instead."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

Severity: TypeAlias = Literal["error", "warning", "note"]
"""An `error` stops `ectype lint` and `ectype migrate`; a `warning` and a `note` are said only."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        code: what a remark and `--allow` call it.
        title: what it finds.
        severity: how bad that is, where nothing is known of the table.
    """

    code: str
    title: str
    severity: Severity


RULES: Final = MappingProxyType(
    {
        rule.code: rule
        for rule in (
            Rule("D01", "a table, or all of its rows, are removed", "error"),
            Rule("D02", "a column is removed", "error"),
            Rule("D03", "a table or a column gets another name", "error"),
            Rule("D04", "a column gets a type that holds less", "error"),
            Rule("L01", "an index is made, dropped or built anew while nobody can write", "error"),
            Rule("L02", "a constraint reads all rows while nobody can write", "error"),
            Rule("L03", "a new column makes every row be written anew", "error"),
            Rule("L04", "the table is written anew while nobody can read it", "error"),
            Rule("L05", "NOT NULL reads all rows while nobody can read", "error"),
            Rule("L06", "a statement may wait for a lock without end, and all others behind it", "error"),
            Rule("T01", "a statement that ends the transaction, or cannot be in one with the others", "error"),
            Rule("T02", "a value of an enum is used in the transaction that adds it", "error"),
            Rule("T03", "rows are changed in the transaction that changes the table", "warning"),
            Rule("C01", "the release that still runs breaks", "error"),
            Rule("S01", "a SQLite table is built anew by hand, with its foreign keys on", "error"),
            Rule("P01", "a number that can run out", "warning"),
            Rule("P02", "a length that is part of the type", "warning"),
            Rule("P03", "a moment without its time zone", "warning"),
            Rule("P04", "a number that the database gives by an old way", "warning"),
            Rule("P05", "a name that PostgreSQL cuts", "warning"),
            Rule("N01", "a part that could not be looked at", "note"),
            Rule("N02", "a remark that allows nothing", "error"),
        )
    }
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to write instead: one migration after the other, each with what it is for."""

    steps: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        if len(self.steps) == 1 and not self.steps[0][0]:
            return self.steps[0][1]
        return "\n\n".join(f"# {number}. {what}\n{code}" for number, (what, code) in enumerate(self.steps, start=1))


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a migration would do.

    Attributes:
        code: the rule.
        severity: how bad it is here.
        version: the migration.
        path: its file; None for one that code handed in.
        line: the line of the command, from 1.
        what: what it does, in one sentence.
        why: what happens then.
        recipe: what to write instead, as code.
        statement: the SQL.
        table: the table that is meant, empty where there is none.
        rows: about how many rows it has; None where no database was asked, or it does not know.
    """

    code: str
    severity: Severity
    version: int
    path: Path | None
    line: int
    what: str
    why: str
    recipe: str
    statement: str = ""
    table: str = ""
    rows: int | None = None

"""How findings are printed: for people, for programs, for code scanners (SARIF) and as remarks on a pull request."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from rich.text import Text

from ectype.cli.output import Output
from ectype.migrations.lint.findings import RULES, Finding, Severity

STYLES: Final[dict[Severity, str]] = {"error": "bold red", "warning": "yellow", "note": "cyan"}
GITHUB: Final[dict[Severity, str]] = {"error": "error", "warning": "warning", "note": "notice"}
SARIF_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


@dataclass(frozen=True, slots=True)
class Formatted:
    """What is to be printed: where to, the findings, and the folder that paths are relative to."""

    output: Output
    findings: Sequence[Finding]
    root: Path


def text(given: Formatted) -> None:
    """Print each finding with its reason and its recipe."""
    output = given.output
    if output.quiet:
        return
    for one in given.findings:
        head = Text.assemble(
            f"{one.path}:{one.line}: ", (one.severity, STYLES[one.severity]), f" {one.code}: {one.what}"
        )
        output.out.print(head)
        size = "" if one.rows is None else f" It has {_about(one.rows)}."
        output.out.print(Text(f"    {one.why}.{size}"))
        output.out.print(Text(textwrap.indent(f"instead:\n\n{textwrap.indent(one.recipe, '    ')}", "    ") + "\n"))
    output.line(summary(given.findings))


def summary(findings: Sequence[Finding]) -> str:
    """Return how many there are of each kind.

    >>> summary([])
    '0 errors, 0 warnings'
    """
    counts = Counter(finding.severity for finding in findings)
    kinds: tuple[Severity, ...] = ("error", "warning", "note")
    return ", ".join(
        f"{counts[kind]} {kind}{'' if counts[kind] == 1 else 's'}" for kind in kinds if kind != "note" or counts[kind]
    )


def _about(rows: int) -> str:
    for size, word in ((1_000_000_000, "G"), (1_000_000, "M"), (10_000, "k")):
        if rows >= size:
            return f"about {rows / (1000 if word == 'k' else size):.3g} {word} rows"
    return f"about {rows} row{'' if rows == 1 else 's'}"


def as_json(given: Formatted) -> None:
    """Print one JSON object."""
    given.output.document({"findings": [_document(one) for one in given.findings], "summary": _counts(given.findings)})


def _document(one: Finding) -> Mapping[str, object]:
    return {**asdict(one), "path": None if one.path is None else str(one.path), "title": RULES[one.code].title}


def _counts(findings: Sequence[Finding]) -> Mapping[str, int]:
    counts = Counter(finding.severity for finding in findings)
    return {"errors": counts["error"], "warnings": counts["warning"], "notes": counts["note"]}


def sarif(given: Formatted) -> None:
    """Print SARIF 2.1.0, as code scanners read it."""
    codes = sorted({finding.code for finding in given.findings})
    rules = [
        {
            "id": code,
            "shortDescription": {"text": RULES[code].title},
            "defaultConfiguration": {"level": RULES[code].severity},
        }
        for code in codes
    ]
    results = [
        {
            "ruleId": one.code,
            "ruleIndex": codes.index(one.code),
            "level": one.severity,
            "message": {"text": f"{one.what}: {one.why}.\n\nInstead:\n\n{one.recipe}"},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": _relative(one, given.root)},
                        "region": {"startLine": one.line},
                    }
                }
            ],
        }
        for one in given.findings
    ]
    driver = {"name": "ectype", "rules": rules}
    runs = [{"tool": {"driver": driver}, "results": results, "columnKind": "unicodeCodePoints"}]
    given.output.out.print(Text(json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": runs}, indent=2)))


def github(given: Formatted) -> None:
    """Print workflow commands, which become remarks on the lines of a pull request."""
    for one in given.findings:
        properties = f"file={_property(_relative(one, given.root))},line={one.line},title={_property(one.code)}"
        message = _data(f"{one.what}: {one.why}.\n\n{one.recipe}")
        given.output.out.print(Text(f"::{GITHUB[one.severity]} {properties}::{message}"))
    given.output.out.print(Text(summary(given.findings)))


def _relative(one: Finding, root: Path) -> str:
    if one.path is None:
        return ""
    path = one.path.absolute()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


def _data(said: str) -> str:
    return said.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(said: str) -> str:
    return _data(said).replace(":", "%3A").replace(",", "%2C")


FORMATS: Final[Mapping[str, Callable[[Formatted], None]]] = {
    "text": text,
    "json": as_json,
    "sarif": sarif,
    "github": github,
}

"""`# lint: ok L01 reason`: what the author of a migration has thought about."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

REMARK: Final = re.compile(r"#\s*lint:\s*ok\b(?P<rest>.*)")
CODES: Final = re.compile(r"\s*(?P<codes>[A-Z]\d\d(?:\s*,\s*[A-Z]\d\d)*)\s*(?P<reason>.*)")


@dataclass(slots=True)
class Remark:
    """One remark.

    Attributes:
        line: where it stands.
        codes: what it allows; empty where it cannot be read.
        reason: why.
        used: the codes that allowed something.
    """

    line: int
    codes: tuple[str, ...]
    reason: str
    used: set[str] = field(default_factory=set[str])


class Remarks:
    """The remarks of one file, and which lines each one is about."""

    def __init__(self, source: str) -> None:
        self.remarks = list(_remarks(source))
        self._spans = list(_spans(source))

    def allows(self, code: str, line: int) -> bool:
        """Whether a remark with a reason allows the code for the command at that line.

        It may stand at the command, in its block, or in the lines right above.
        """
        begin, end = min(
            (span for span in self._spans if span[0] <= line <= span[1]),
            key=lambda span: span[1] - span[0],
            default=(line, line),
        )
        above = {remark.line for remark in self.remarks}
        while begin - 1 in above:
            begin -= 1
        found = False
        for remark in self.remarks:
            if begin <= remark.line <= end and remark.reason and code in remark.codes:
                remark.used.add(code)
                found = True
        return found


def _remarks(source: str) -> Iterator[Remark]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        match = REMARK.match(token.string) if token.type == tokenize.COMMENT else None
        if match is None:
            continue
        given = CODES.fullmatch(match["rest"])
        if given is None:
            yield Remark(token.start[0], (), "")
        else:
            codes = tuple(code.strip() for code in given["codes"].split(","))
            yield Remark(token.start[0], codes, given["reason"].strip(" :-–"))


def _spans(source: str) -> Iterator[tuple[int, int]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.stmt) and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.end_lineno or node.lineno

"""What a command prints: Rich on a terminal, plain text in a pipe or under NO_COLOR, or JSON objects."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table
from rich.text import Text


@dataclass(frozen=True)
class Output:
    """Prints results on standard output, and what goes on and goes wrong on standard error.

    Attributes:
        as_json: print JSON objects, one on a line, and nothing else.
        quiet: print errors only.
    """

    as_json: bool = False
    quiet: bool = False
    out: Console = field(default_factory=lambda: Console(highlight=False, soft_wrap=True))
    err: Console = field(default_factory=lambda: Console(highlight=False, soft_wrap=True, stderr=True))

    @property
    def is_rich(self) -> bool:
        """Whether tables may have lines and colours."""
        return self.out.is_terminal and not os.environ.get("NO_COLOR")

    def line(self, text: str, *, mark: str = "") -> None:
        """Print one line; the mark stands before it where there are colours."""
        if self.as_json or self.quiet:
            return
        if mark and self.is_rich:
            self.out.print(Text.assemble((f" {mark} ", "green"), text))
        else:
            self.out.print(Text(text))

    def text(self, text: str) -> None:
        """Print text that is the result itself, whatever else is silent."""
        self.out.print(Text(text), end="")

    def progress(self, text: str) -> None:
        """Print what the command waits for."""
        if not self.quiet and not self.as_json:
            self.err.print(Text(text, style="yellow"))

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], styles: Sequence[str]) -> None:
        """Print rows under their headings; where there are colours, each row has its style."""
        if self.as_json or self.quiet:
            return
        if self.is_rich:
            self.out.print(_rich_table(columns, rows, styles))
        else:
            for line in _plain_table(columns, rows):
                self.out.print(Text(line))

    def event(self, name: str, values: Mapping[str, object]) -> None:
        """Print what happened just now as one JSON object on one line, when that was asked for."""
        self.document({"event": name, **values})

    def document(self, document: Mapping[str, object]) -> None:
        """Print the JSON object, when that was asked for."""
        if self.as_json:
            self.out.print(Text(json.dumps(document)))

    def failure(self, text: str) -> None:
        """Print what went wrong with one of many, while the others go on."""
        if not self.as_json:
            self.err.print(Text.assemble((" ✘ " if self.err.is_terminal else "failed: ", "red"), text))

    def error(self, message: str, hint: str | None) -> None:
        """Print what went wrong, in red, and what to do about it."""
        self.err.print(Text.assemble(("error: ", "bold red"), (message, "red")))
        if hint is not None:
            self.err.print(Text.assemble("\n", ("hint: ", "bold"), hint))


def short_hash(digest: str) -> str:
    """Return the two ends of a hash, which are enough to compare two by eye.

    >>> short_hash("9f2c0000000041")
    '9f2c…41'
    """
    return f"{digest[:4]}…{digest[-2:]}"


def _rich_table(columns: Sequence[str], rows: Sequence[Sequence[str]], styles: Sequence[str]) -> Table:
    table = Table()
    for column in columns:
        table.add_column(column, no_wrap=column == columns[0])
    for row, style in zip(rows, styles, strict=True):
        table.add_row(*(Text(cell) for cell in row), style=style)
    return table


def _plain_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [columns, *rows]
    widths = [max(len(line[number]) for line in lines) for number in range(len(columns))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]

"""What SQLite keeps as text only: the collations, checks and computed columns of a CREATE TABLE, the parts of an index.

SQLite has parsed the text already, so this reads no more of its grammar than it needs, and never raises.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

_TOKEN: Final = re.compile(
    r"""--[^\n]*|/\*.*?(?:\*/|\Z)|\s+|'(?:''|[^'])*'|"(?:""|[^"])*"|`(?:``|[^`])*`|\[[^\]]*\]|[\w$]+|.""", re.DOTALL
)
_TABLE_WORDS: Final = frozenset({"CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"})
_CONSTRAINTS: Final = _TABLE_WORDS - {"CONSTRAINT"} | {
    "NOT",
    "NULL",
    "DEFAULT",
    "COLLATE",
    "REFERENCES",
    "GENERATED",
    "AS",
}


@dataclass(frozen=True, slots=True)
class ColumnText:
    """What a column's definition says besides its name, type and default."""

    collation: str | None = None
    expression: str | None = None


@dataclass(slots=True)
class TableText:
    """What a CREATE TABLE says, with columns by their name in lower case.

    Attributes:
        checks: the name, or None, and the condition of each.
        foreign_keys: the name of each, or None, in the order of the text.
        deferrable: when each of them is checked that may wait until COMMIT; None for one that may not.
    """

    columns: dict[str, ColumnText] = field(default_factory=dict[str, ColumnText])
    checks: list[tuple[str | None, str]] = field(default_factory=list[tuple[str | None, str]])
    foreign_keys: list[str | None] = field(default_factory=list[str | None])
    deferrable: list[Literal["immediate", "deferred"] | None] = field(
        default_factory=list[Literal["immediate", "deferred"] | None]
    )


@dataclass(frozen=True, slots=True)
class Part:
    """A word, a sign, or everything between two brackets with the brackets."""

    text: str
    start: int
    end: int

    @property
    def word(self) -> str:
        """The word in upper case: quoted names are no words of SQL."""
        return self.text.upper()


def read_table(sql: str) -> TableText:
    """Return what a CREATE TABLE says.

    >>> read_table("CREATE TABLE t (a TEXT COLLATE NOCASE, b AS (a || '(') STORED, CHECK (a <> ''))").checks
    [(None, "a <> ''")]
    """
    found = TableText()
    body = next((part for part in parts_of(sql) if part.text.startswith("(")), None)
    for item in items_of("" if body is None else body.text[1:-1]):
        if item[0].word in _TABLE_WORDS:
            _read_constraints(item, found, own=True)
        else:
            found.columns[unquoted(item[0].text).lower()] = _read_constraints(item[1:], found, own=False)
    return found


def _read_constraints(item: Sequence[Part], found: TableText, *, own: bool) -> ColumnText:
    """Read the constraints of a column, or the `own` ones of the table."""
    name: str | None = None
    collation = expression = None
    follower = "FOREIGN" if own else "REFERENCES"
    for at, part in enumerate(item):
        following = item[at + 1].text if at + 1 < len(item) else ""
        if part.word == "CONSTRAINT":
            name = unquoted(following)
            continue
        if part.word == "DEFERRABLE" and item[at - 1].word != "NOT" and found.deferrable:
            waits = [one.word for one in item[at + 1 : at + 3]] == ["INITIALLY", "DEFERRED"]
            found.deferrable[-1] = "deferred" if waits else "immediate"
        if part.word not in _CONSTRAINTS:
            continue
        if part.word == "COLLATE":
            collation = unquoted(following)
        elif part.word == "CHECK" and following.startswith("("):
            found.checks.append((name, following[1:-1].strip()))
        elif part.word == "AS" and following.startswith("("):
            expression = following[1:-1].strip()
        elif part.word == follower:
            found.foreign_keys.append(name)
            found.deferrable.append(None)
        if part.word != "GENERATED":
            name = None
    return ColumnText(collation, expression)


def read_index(sql: str) -> tuple[list[str], str | None]:
    """Return the parts of a CREATE INDEX, and the condition of a partial one.

    >>> read_index("CREATE INDEX i ON t (lower(a), b DESC) WHERE a > 1")
    (['lower(a)', 'b'], 'a > 1')
    """
    parts = list(parts_of(sql))
    at = next((number for number, part in enumerate(parts) if part.text.startswith("(")), None)
    if at is None:
        return [], None
    group = parts[at].text[1:-1]
    texts = [_without_order(group, item) for item in items_of(group)]
    where = next((part for part in parts[at + 1 :] if part.word == "WHERE"), None)
    return texts, None if where is None else sql[where.end :].strip()


def _without_order(group: str, item: Sequence[Part]) -> str:
    kept = list(item)
    if len(kept) > 1 and kept[-1].word in {"ASC", "DESC"}:
        kept.pop()
    if len(kept) > 2 and kept[-2].word == "COLLATE":
        kept = kept[:-2]
    return group[kept[0].start : kept[-1].end]


def items_of(text: str) -> list[list[Part]]:
    """Return what stands between the commas."""
    items: list[list[Part]] = [[]]
    for part in parts_of(text):
        if part.text == ",":
            items.append([])
        else:
            items[-1].append(part)
    return [item for item in items if item]


def parts_of(text: str) -> Iterator[Part]:
    """Take text apart into words, signs, and brackets with all that is between them; without space and comments."""
    depth, start = 0, 0
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token == "(":
            start = match.start() if depth == 0 else start
            depth += 1
        elif token == ")":
            depth -= 1
            if depth == 0:
                yield Part(text[start : match.end()], start, match.end())
        elif depth == 0 and not token.isspace() and not token.startswith(("--", "/*")):
            yield Part(token, match.start(), match.end())


def unquoted(text: str) -> str:
    """Return a name without its quotes.

    >>> unquoted('"a ""b"" c"'), unquoted("[x y]")
    ('a "b" c', 'x y')
    """
    if len(text) > 1 and text[0] in "\"'`":
        return text[1:-1].replace(text[0] * 2, text[0])
    return text[1:-1] if len(text) > 1 and text[0] == "[" else text


def plain(text: str) -> str:
    """Return SQL text in one form: without quotes, space and case that mean nothing, and brackets round all of it.

    >>> plain('(`age`  > 17)'), plain("name <> 'A b'")
    ('age > 17', "name <> 'A b'")
    """
    tokens = [match[0] for match in _TOKEN.finditer(text)]
    kept = [
        token if token.startswith("'") else unquoted(token).lower()
        for token in tokens
        if not token.isspace() and not token.startswith(("--", "/*"))
    ]
    while len(kept) > 1 and kept[0] == "(" and _closes_last(kept):
        kept = kept[1:-1]
    return " ".join(kept).removesuffix(" ;")


def _closes_last(tokens: Sequence[str]) -> bool:
    depth = 0
    for at, token in enumerate(tokens):
        depth += {"(": 1, ")": -1}.get(token, 0)
        if depth == 0:
            return at == len(tokens) - 1
    return False

"""SQL text, cut into pieces and into statements, as PostgreSQL and SQLite both read it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, cast

from ectype.adapters.sqlite_script import statements as sqlite_statements
from ectype.types.base import Target

Kind: TypeAlias = Literal["space", "remark", "text", "dollar", "name", "word", "number", "sign"]
"""`text` is a string between quotes, `dollar` one between dollar signs, `name` what stands in double quotes."""

# https://www.postgresql.org/docs/current/sql-syntax-lexical.html
PIECE: Final = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<remark>--[^\n]*|/\*)
  | (?P<text>[eE]'(?:[^'\\]|''|\\.)*'?|(?:[uU]&|[bBnNxX])?'(?:[^']|'')*'?)
  | (?P<dollar>\$(?:[^\W\d]\w*)?\$)
  | (?P<name>"(?:[^"]|"")*"?|`(?:[^`]|``)*`?)
  | (?P<word>[^\W\d][\w$]*)
  | (?P<number>\d[\w.]*|\.\d\w*)
  | (?P<sign>::|.)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of SQL text that cannot be cut further; all of them together are the text.

    Attributes:
        kind: what it is.
        text: as it is written.
    """

    kind: Kind
    text: str


def pieces(sql: str) -> Iterator[Piece]:
    r"""Yield the pieces of a text, however broken it is.

    >>> [piece.text for piece in pieces("DROP TABLE a; -- gone")]
    ['DROP', ' ', 'TABLE', ' ', 'a', ';', ' ', '-- gone']
    """
    position = 0
    while match := PIECE.match(sql, position):
        kind, text = cast("Kind", match.lastgroup), match[0]
        if text == "/*":
            text = sql[position : _end_of_remark(sql, position)]
        elif kind == "dollar":
            end = sql.find(text, match.end())
            text = sql[position : len(sql) if end < 0 else end + len(text)]
        position += len(text)
        yield Piece(kind, text)


def split(sql: str, target: Target) -> tuple[str, ...]:
    """Return the statements of a text, in order, each without its closing semicolon.

    Semicolons in strings, in quoted names, in remarks, between dollar signs and in bodies of functions end nothing.

    >>> split("CREATE TABLE a (x text DEFAULT ';'); DROP TABLE b;", "postgres")
    ("CREATE TABLE a (x text DEFAULT ';')", 'DROP TABLE b')
    """
    found = sqlite_statements(sql) if target == "sqlite" else _postgres_statements(sql)
    texts = (text.strip().removesuffix(";").strip() for text in found)
    return tuple(text for text in texts if bare(text))


def bare(sql: str) -> str:
    r"""Return the text without remarks, with one space where there were several, its strings emptied.

    >>> bare("UPDATE users -- all of them\n SET name = 'a;b'")
    "UPDATE users SET name = ''"
    """
    parts: list[str] = []
    for piece in pieces(sql):
        if piece.kind == "remark":
            parts.append(" ")
        else:
            parts.append("''" if piece.kind in ("text", "dollar") else piece.text)
    return " ".join("".join(parts).split())


def _postgres_statements(sql: str) -> Iterator[str]:
    parts: list[str] = []
    # `BEGIN ATOMIC … END` is the body of a function; CASE … END may stand in it.
    depth, before = 0, ""
    for piece in pieces(sql):
        if piece.kind == "word":
            word = piece.text.lower()
            if (word == "atomic" and before == "begin") or (depth and word == "case"):
                depth += 1
            elif depth and word == "end":
                depth -= 1
            before = word
        if piece.text == ";" and not depth:
            yield "".join(parts)
            parts = []
        else:
            parts.append(piece.text)
    yield "".join(parts)


def _end_of_remark(sql: str, begin: int) -> int:
    """Return where a remark ends; PostgreSQL lets one stand in another."""
    depth = 0
    for match in re.compile(r"/\*|\*/").finditer(sql, begin):
        depth += 1 if match[0] == "/*" else -1
        if depth == 0:
            return match.end()
    return len(sql)

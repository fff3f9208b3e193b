"""SQL text, cut into its statements, and each of them without what says nothing about what it does."""

import re
from collections.abc import Iterator
from typing import Final

from ectype.adapters.sqlite_script import statements as sqlite_statements
from ectype.types.base import Target

# https://www.postgresql.org/docs/current/sql-syntax-lexical.html
TOKEN: Final = re.compile(
    r"""
    (?P<remark>--[^\n]*|/\*)
  | (?P<text>[eE]'(?:[^'\\]|''|\\.)*'?|'(?:[^']|'')*'?)
  | (?P<dollar>\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$)
  | (?P<name>"(?:[^"]|"")*"?|`(?:[^`]|``)*`?)
  | (?P<word>[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*)
  | (?P<end>;)
  | (?P<other>[0-9]+|\s+|.)
    """,
    re.VERBOSE | re.DOTALL,
)


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
    for kind, text in _tokens(sql):
        if kind == "remark":
            parts.append(" ")
        else:
            parts.append("''" if kind in ("text", "dollar") else text)
    return " ".join("".join(parts).split())


def _postgres_statements(sql: str) -> Iterator[str]:
    parts: list[str] = []
    # `BEGIN ATOMIC … END` is the body of a function; CASE … END may stand in it.
    depth, before = 0, ""
    for kind, text in _tokens(sql):
        if kind == "word":
            word = text.lower()
            if (word == "atomic" and before == "begin") or (depth and word == "case"):
                depth += 1
            elif depth and word == "end":
                depth -= 1
            before = word
        if kind == "end" and not depth:
            yield "".join(parts)
            parts = []
        else:
            parts.append(text)
    yield "".join(parts)


def _tokens(sql: str) -> Iterator[tuple[str, str]]:
    position = 0
    while match := TOKEN.match(sql, position):
        kind, text = str(match.lastgroup), match[0]
        if text == "/*":
            text = sql[position : _end_of_remark(sql, position)]
        elif kind == "dollar":
            end = sql.find(text, match.end())
            text = sql[position : len(sql) if end < 0 else end + len(text)]
        position += len(text)
        yield kind, text


def _end_of_remark(sql: str, begin: int) -> int:
    depth = 0
    for match in re.finditer(r"/\*|\*/", sql[begin:]):
        depth += 1 if match[0] == "/*" else -1
        if depth == 0:
            return begin + match.end()
    return len(sql)

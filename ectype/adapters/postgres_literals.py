"""Placeholders of a PostgreSQL statement replaced by literals, for the one command that takes no parameters."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ectype.errors import DatabaseError

# https://www.postgresql.org/docs/current/sql-syntax-lexical.html
_TOKENS = re.compile(
    r"""
      (?:\b[eE])'(?:[^'\\]|''|\\.)*'                        # a string with backslashes
    | '(?:[^']|'')*'                                        # a string
    | "(?:[^"]|"")*"                                        # a name
    | (?P<dollar>\$(?:[^\W\d]\w*)?\$).*?(?P=dollar)         # a string between dollars
    | --[^\n]*                                              # a comment to the end of its line
    | (?P<comment>/\*)                                      # one that ends elsewhere
    | [^\W\d][\w$]*                                         # a word, which may hold a dollar
    | \$(?P<number>\d+)                                     # a placeholder
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT = re.compile(r"/\*|\*/")


def with_literals(sql: str, literals: Sequence[str]) -> str:
    r"""Return the statement with `$1`, `$2`, … replaced; inside strings, names and comments nothing changes.

    Args:
        sql: one statement.
        literals: the text for each placeholder, safe as it is.

    Raises:
        DatabaseError: the statement has a placeholder without a literal.

    >>> print(with_literals("SELECT $1, '$1' AS $2", ["(NULL::text)", "b"]))
    SELECT (NULL::text), '$1' AS b
    """
    parts: list[str] = []
    end = 0
    while (token := _TOKENS.search(sql, end)) is not None:
        parts.append(sql[end : token.start()])
        end = token.end()
        number = token["number"]
        if token["comment"]:
            end = _end_of_comment(sql, end)
        if number is None:
            parts.append(sql[token.start() : end])
        elif 0 < int(number) <= len(literals):
            parts.append(literals[int(number) - 1])
        else:
            raise DatabaseError(f"there is no parameter ${number}: {len(literals)} were given")
    parts.append(sql[end:])
    return "".join(parts)


def _end_of_comment(sql: str, start: int) -> int:
    depth = 1
    while depth and (mark := _COMMENT.search(sql, start)) is not None:
        depth += 1 if mark[0] == "/*" else -1
        start = mark.end()
    return len(sql) if depth else start

"""SQL text of several statements to single ones, so that nothing is committed behind the caller's back.

`sqlite3.Connection.executescript` commits the open transaction before it begins; this does not.
"""

from __future__ import annotations

from collections.abc import Iterator


def statements(text: str) -> Iterator[str]:
    """Yield the statements of a script, in order; SQLite's own lexer says where one ends.

    >>> list(statements("CREATE TABLE t (a); INSERT INTO t VALUES (';')"))
    ['CREATE TABLE t (a);', "INSERT INTO t VALUES (';')"]
    """
    from sqlite3 import complete_statement  # noqa: PLC0415  # migrations are imported by many who have no SQLite

    begin = 0
    end = text.find(";")
    while end >= 0:
        candidate = text[begin : end + 1]
        if complete_statement(candidate):
            yield candidate.strip()
            begin = end + 1
        end = text.find(";", end + 1)
    rest = text[begin:].strip()
    if rest:
        yield rest

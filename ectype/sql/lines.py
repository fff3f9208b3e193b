r"""SQL text in lines, for people: blanks become line breaks, and nothing else is touched.

Identifiers are quoted in what we write, so a bare word in capitals is a keyword, except in the text of fragments;
quotes and comments are left as they are, wherever they come from.
"""

from __future__ import annotations

import re
from typing import Final

TOKEN: Final = re.compile(
    r"""
      (?P<kept> (?<![\w$])[eE]'(?:[^'\\]|''|\\.)*'      # a string with escapes, or any other string,
      | '(?:[^']|'')*' | "(?:[^"]|"")*"                 # a quoted name
      | (?P<dollar>\$(?:[A-Za-z_]\w*)?\$).*?(?P=dollar) # text between dollars
      | --[^\n]*\n? | /\*.*?\*/ )                       # a comment
    | (?P<clause>\ (?:FROM|USING|WHERE|GROUP\ BY|HAVING|WINDOW|ORDER\ BY|LIMIT|OFFSET|FETCH\ FIRST|RETURNING|SET
          |(?:INNER\ |CROSS\ |(?:LEFT|RIGHT|FULL)\ (?:OUTER\ )?)?JOIN(?:\ LATERAL)?
          |(?:UNION|INTERSECT|EXCEPT)(?:\ ALL)?|ON\ CONFLICT|FOR\ (?:NO\ KEY\ UPDATE|KEY\ SHARE|UPDATE|SHARE)
          |SELECT|UPDATE|DELETE\ FROM|VALUES)(?=[\s(]|$))
    | (?P<connective>\ (?:AND|OR)(?=\s))
    | (?P<between>\ BETWEEN(?=\s))
    | (?P<open>\()
    | (?P<close>\))
    | (?P<other>\w+|.)
    """,
    re.VERBOSE | re.DOTALL,
)
INDENT: Final = "  "
JOINED: Final = ("DO", "DELETE", "DISTINCT")
"""Words after which UPDATE or FROM begins no clause: `DO UPDATE`, `DELETE FROM`, `IS DISTINCT FROM`."""
QUERIES: Final = ("SELECT ", "WITH ", "UPDATE ", "DELETE ", "(SELECT ")


def in_lines(sql: str) -> str:
    """Return a statement with a line for each clause, and subqueries indented.

    >>> print(in_lines('SELECT "a" FROM "t" WHERE ("a" > $1) AND ("b" = $2)'))
    SELECT "a"
    FROM "t"
    WHERE ("a" > $1)
      AND ("b" = $2)
    """
    made: list[str] = []
    # Of each open parenthesis: whether a query stands in it, which has lines of its own.
    depth: list[bool] = [True]
    between = 0
    for token in TOKEN.finditer(sql):
        text = token[0]
        inside = depth[-1]
        margin = "\n" + INDENT * (sum(depth) - 1)
        match token.lastgroup:
            case "clause" if inside and (made[-1].strip() if made else "") not in JOINED:
                text = margin + text[1:]
            case "between":
                between += 1
            case "connective" if between:
                between -= 1
            case "connective" if inside:
                text = f"{margin}{INDENT}{text[1:]}"
            case "open":
                depth.append(sql.startswith(QUERIES, token.end()))
                text += f"{margin}{INDENT}" if depth[-1] else ""
            case "close" if len(depth) > 1:
                text = margin[: -len(INDENT)] + text if depth.pop() else text
            case _:
                pass
        made.append(text)
    return "".join(made)

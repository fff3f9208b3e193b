"""The text of a fragment: literal pieces, and the gaps between them."""

from __future__ import annotations

import re

from ectype.errors import QueryError

_TOKENS = re.compile(r"\{\{|\}\}|\{\}|[{}]|[^{}]+")


def pieces(text: str) -> tuple[str, ...]:
    """Return the pieces around the gaps `{}` of a text, with doubled braces made single.

    Raises:
        QueryError: a brace stands alone, as in a format string with names.

    >>> pieces("{} @> '{{{}}}'")
    ('', " @> '{", "}'")
    """
    found = [""]
    for token in _TOKENS.findall(text):
        if token == "{}":
            found.append("")
        elif token in ("{", "}"):
            raise QueryError(
                f"a brace stands alone in the fragment {text!r:.200}",
                hint="a gap is `{}`, and a brace of the SQL is doubled: `{{` or `}}`",
            )
        else:
            found[-1] += token[0] if token in ("{{", "}}") else token
    return tuple(found)


def written(found: tuple[str, ...]) -> str:
    """Return the text of a fragment as it was written: what `pieces` took apart.

    >>> written(pieces("{} @> '{{{}}}'"))
    "{} @> '{{{}}}'"
    """
    return "{}".join(piece.replace("{", "{{").replace("}", "}}") for piece in found)

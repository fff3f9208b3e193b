"""How many characters a text has for people: extended grapheme clusters.

The rule is Unicode's (https://www.unicode.org/reports/tr29/), in the tables of the library `regex`.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from itertools import islice
from typing import Any, Final

MOST_SCANNED: Final = 100_000
"""Code points that are looked at. One cluster may have any number of them, and no text shall stop the event loop;
each one behind these counts as a character of its own."""

# `\X` looks back to the beginning of a row of regional indicators at each of them, which takes half a minute for a
# hundred thousand; so their pairs, the flags, are found first.
_CLUSTER: Final = r"\p{RI}{1,2}[\p{GCB=Extend}\p{GCB=SpacingMark}\p{GCB=ZWJ}]*+|\X"


def count_graphemes(text: str, most: int) -> int:
    r"""Return the number of grapheme clusters of a text, or `most` + 1 when there are more than `most`.

    >>> count_graphemes("nai\u0308ve", 99), count_graphemes("a\r\nb", 99), count_graphemes("abc", 1)
    (5, 3, 2)
    """
    if text.isascii() and "\r" not in text:
        return min(len(text), most + 1)
    head = text[:MOST_SCANNED]
    found = sum(1 for _ in islice(_clusters().finditer(head), most + 1))
    return min(found + len(text) - len(head), most + 1)


@cache
def _clusters() -> Any:
    # Most texts are ASCII, and need none of it.
    return import_module("regex").compile(_CLUSTER)

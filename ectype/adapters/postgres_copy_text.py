r"""Rows as COPY's text format has them: tabs between values, `\N` for NULL.

https://www.postgresql.org/docs/current/sql-copy.html, "Text Format"
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def line(row: Sequence[object]) -> bytes:
    r"""Return one row.

    >>> line([1, None, "a\tb", True, b"\x01", ["x", None]])
    b'1\t\\N\ta\\tb\tt\t\\\\x01\t{"x",NULL}\n'
    """
    return ("\t".join(["\\N" if value is None else _text(value).translate(_ESCAPES) for value in row]) + "\n").encode()


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, (bytes, bytearray)):
        return f"\\x{value.hex()}"
    if isinstance(value, (list, tuple)):
        return _array(cast("Sequence[Any]", value))
    return str(value)


def _array(items: Sequence[Any]) -> str:
    parts: list[str] = []
    for item in items:
        if item is None:
            parts.append("NULL")
        elif isinstance(item, (list, tuple)):
            parts.append(_array(cast("Sequence[Any]", item)))
        else:
            escaped = _text(item).replace("\\", "\\\\").replace('"', '\\"')
            parts.append(f'"{escaped}"')
    return "{" + ",".join(parts) + "}"

"""What a field says for the default of its column: the value where it is a plain one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Final

from ectype.migrations.scaffold.column_types import Imports, Kind

FILLED: Final = "read_after_writes=True"

_CAST: Final = re.compile(r"::(?:[\w$. ]+|\"[^\"]*\")+(?:\([\d, ]*\))?(?:\[\])?\Z")
_INTEGER: Final = re.compile(r"[+-]?\d{1,18}")
_NUMBER: Final = re.compile(r"[+-]?\d{1,30}(?:\.\d{1,30})?")
_QUOTED: Final = re.compile(r"'(?:''|[^'])*'")
_ESCAPED: Final = re.compile(r"E'(?:''|\\\\|[^'\\])*'")


def default_option(text: str, kind: Kind, labels: Mapping[str, str]) -> tuple[str, Imports] | None:
    """Return what `field(…)` says for a plain default, and what that imports; None where it is none.

    Args:
        text: the default, as the database writes it.
        kind: what the column holds.
        labels: the members of its enum, written out, by label.

    >>> default_option("'new'::text", "str", {}), default_option("now()", "datetime", {})
    (('default="new"', ()), None)
    """
    plain = _without_cast(text)
    if kind == "json":
        made = {"'{}'": "default_factory=dict", "'[]'": "default_factory=list"}.get(plain)
        return None if made is None else (made, ())
    if kind == "list":
        return ("default_factory=list", ()) if plain in ("'{}'", "ARRAY[]") else None
    value = _literal(plain)
    if value is None:
        return None
    if kind == "decimal":
        number = _NUMBER.fullmatch(value)
        return (f'default=Decimal("{value}")', (("decimal", "Decimal"),)) if number else None
    written = labels.get(value) if kind == "enum" else WRITERS.get(kind, _nothing)(value)
    return None if written is None else (f"default={written}", ())


def _without_cast(text: str) -> str:
    """Take casts and brackets off, as in `('0'::numeric)::integer`."""
    while True:
        shorter = _CAST.sub("", text.strip())
        if shorter.startswith("(") and shorter.endswith(")") and shorter.count("(") == 1:
            shorter = shorter[1:-1]
        if shorter == text:
            return text
        text = shorter


def _literal(text: str) -> str | None:
    """Return the value of a literal: text without its quotes, a number, TRUE or FALSE."""
    if _QUOTED.fullmatch(text):
        return text[1:-1].replace("''", "'")
    if _ESCAPED.fullmatch(text):
        return text[2:-1].replace("''", "'").replace("\\\\", "\\")
    return text if _NUMBER.fullmatch(text) or text.lower() in ("true", "false") else None


def _nothing(_value: str) -> None:
    return None


def _int(value: str) -> str | None:
    return str(int(value)) if _INTEGER.fullmatch(value) else None


def _float(value: str) -> str | None:
    return repr(float(value)) if _NUMBER.fullmatch(value) and isfinite(float(value)) else None


def _bool(value: str) -> str | None:
    return {"true": "True", "t": "True", "1": "True", "false": "False", "f": "False", "0": "False"}.get(value.lower())


def quoted(text: str) -> str:
    r"""Return text as a literal of Python, in the quotes that a formatter prefers.

    >>> print(quoted("it's"), quoted('say "a"'), quoted("tab" + chr(9)))
    "it's" 'say "a"' "tab\t"
    """
    mark = "'" if text.count('"') > text.count("'") else '"'
    escapes = {"\\": "\\\\", mark: f"\\{mark}", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    made = "".join(escapes.get(one) or (one if one.isprintable() else _escaped(one)) for one in text)
    return f"{mark}{made}{mark}"


def _escaped(letter: str) -> str:
    number = ord(letter)
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}" if number < 65_536 else f"\\U{number:08x}"


WRITERS: Final[Mapping[Kind, Callable[[str], str | None]]] = {
    "int": _int,
    "float": _float,
    "bool": _bool,
    "str": quoted,
}

"""What a change of a column's type does to the rows: nothing, a rewrite, or a loss."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

from ectype.migrations.lint.tokens import Token

Change: TypeAlias = Literal["free", "rewrite", "narrower"]

NAMES: Final = {
    "character varying": "varchar",
    "character": "char",
    "bpchar": "char",
    "int": "integer",
    "int4": "integer",
    "int8": "bigint",
    "int2": "smallint",
    "decimal": "numeric",
    "float8": "double precision",
    "float4": "real",
    "float": "double precision",
    "bool": "boolean",
    "timestamptz": "timestamp with time zone",
    "timestamp without time zone": "timestamp",
    "timetz": "time with time zone",
    "time without time zone": "time",
    "serial4": "serial",
    "serial8": "bigserial",
    "serial2": "smallserial",
    "bit varying": "varbit",
}

WIDTHS: Final[tuple[tuple[str, ...], ...]] = (
    ("smallint", "integer", "bigint", "numeric"),
    ("real", "double precision"),
    ("date", "timestamp", "timestamp with time zone"),
)
"""From what holds less to what holds more."""


def type_name(tokens: Sequence[Token]) -> str:
    """Return a type in one spelling: `int8` is `bigint`, `character varying ( 20 )` is `varchar(20)`."""
    text = " ".join(token.name for token in tokens)
    text = re.sub(r"\s*([(),\[\]])\s*", r"\1", text)
    match = re.match(r"([^(\[]+?)(\([^)]*\))?((?: with(?:out)? time zone)?)(\[\d*\].*)?$", text)
    if match is None:
        return text
    base = f"{match[1]}{match[3]}".removeprefix("pg_catalog.").strip()
    return f"{NAMES.get(base, base)}{match[2] or ''}{match[4] or ''}"


def change(old: str, new: str) -> Change:
    """Return what PostgreSQL does with the rows, by the table of its manual and its binary-coercible types.

    >>> change("varchar(20)", "varchar(40)"), change("text", "varchar(40)"), change("integer", "bigint")
    ('free', 'narrower', 'rewrite')
    """
    if old == new:
        return "free"
    (old_base, old_size), (new_base, new_size) = _split(old), _split(new)
    if old_base == new_base:
        return _resized(old_base, old_size, new_size)
    if {old_base, new_base} <= {"varchar", "text"}:
        return "narrower" if new_size and old_base == "text" else _longer(old_size, new_size)
    if (old_base, new_base) == ("cidr", "inet"):
        return "free"
    if new_base in ("text", "varchar"):
        return "rewrite" if not new_size else "narrower"
    for order in WIDTHS:
        if old_base in order and new_base in order:
            return "rewrite" if order.index(old_base) < order.index(new_base) else "narrower"
    return "narrower" if old_base == "numeric" or old_base in ("text", "varchar") else "rewrite"


def _split(name: str) -> tuple[str, tuple[int, ...]]:
    match = re.fullmatch(r"([^(]+)\(([\d,]+)\)(.*)", name)
    if match is None:
        return name, ()
    return match[1] + match[3], tuple(int(size) for size in match[2].split(",") if size)


def _longer(old: tuple[int, ...], new: tuple[int, ...]) -> Change:
    if not new:
        return "free"
    return "narrower" if not old or new[0] < old[0] else "free"


def _resized(base: str, old: tuple[int, ...], new: tuple[int, ...]) -> Change:
    if base == "numeric" and old and new:
        (old_digits, old_scale), (new_digits, new_scale) = ((*size, 0)[:2] for size in (old, new))
        if new_scale == old_scale:
            return "free" if new_digits >= old_digits else "narrower"
        fits = new_scale > old_scale and new_digits - new_scale >= old_digits - old_scale
        return "rewrite" if fits else "narrower"
    if base == "char":
        return "narrower" if new and old and new[0] < old[0] else "rewrite"
    return _longer(old, new)

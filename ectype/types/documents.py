r"""JSON documents as both databases keep them without changing a value: what one may hold, and its text.

A document is made of dicts with str keys, lists, str, int, finite float, bool and None, exactly these classes, since
only they come back as they went in. It nests at most 100 levels deep, far above what people write and far below where
PostgreSQL and Python end in a stack error. Text has no NUL and no lone surrogate (`jsonb` refuses `\u0000`).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from json import JSONDecoder, JSONEncoder
from math import isfinite
from types import NoneType
from typing import Any, Final, NoReturn, cast

from ectype.types.at_once import integers, texts
from ectype.types.base import Target
from ectype.types.refusals import refused, shown, unreadable
from ectype.types.scalars import text_fault

MAX_DEPTH: Final = 100
"""How many dicts and lists may stand inside each other."""

MAX_INTEGER_BITS: Final = 3_322
"""Whole numbers have at most 1,000 digits: their text takes quadratic time."""

_MANY: Final = 32
"""From so many items on, to look at them in passes of C pays."""
_SCALARS: Final = frozenset({str, int, float, bool, NoneType})
_HOLDERS: Final = frozenset({list, dict})


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a value is no JSON document.

    Attributes:
        path: the keys and indexes that lead to the culprit.
        reason: what is wrong with it, to follow the word `it`.
    """

    path: tuple[str | int, ...]
    reason: str


def find_fault(document: object) -> Fault | None:
    """Return the first thing in a value that JSON cannot hold, with its path; None when there is none.

    >>> find_fault({"a": [1, {2}]})
    Fault(path=('a', 1), reason='is a set')
    """
    return _fault(document, MAX_DEPTH)


def _fault(value: Any, depth: int) -> Fault | None:
    kind = value.__class__
    if kind is str:
        reason = None if value.isascii() and "\0" not in value else text_fault(value)
    elif kind is dict:
        return _below(value, value.items(), depth)
    elif kind is list:
        return _below(value, enumerate(value), depth) if value or depth == 0 else None
    elif kind is int:
        reason = f"has {value.bit_length()} bits" if value.bit_length() > MAX_INTEGER_BITS else None
    elif kind is float:
        reason = None if isfinite(value) else f"is {value}"
    elif value is None or kind is bool:
        reason = None
    else:
        reason = f"is a {kind.__name__}"
    return None if reason is None else Fault((), reason)


def _below(value: Any, items: Any, depth: int) -> Fault | None:
    if depth == 0:
        return Fault((), f"is nested more than {MAX_DEPTH} levels deep")
    if len(value) >= _MANY and value.__class__ is list and _are_sound(value):
        return None
    for key, item in items:
        if value.__class__ is dict and (key.__class__ is not str or text_fault(key) is not None):
            return Fault((), f"has the key {shown(key)}, and keys are text without NUL and lone surrogates")
        found = _fault(item, depth - 1)
        if found is not None:
            return Fault((key, *found.path), found.reason)
    return None


def _are_sound(values: list[Any]) -> bool:
    """Whether many values are scalars of a document, told in a few passes of C; where not, somebody looks again."""
    kinds = set(map(type, values))
    if not kinds <= _SCALARS:
        return False
    found = {kind: values if len(kinds) == 1 else [one for one in values if one.__class__ is kind] for kind in kinds}
    return (
        (str not in found or texts(found[str]) is not None)
        and (float not in found or all(map(isfinite, found[float])))
        and (int not in found or integers(found[int]) is not None)
    )


def is_too_deep(value: Any, depth: int = MAX_DEPTH) -> bool:
    """Whether dicts and lists stand inside each other more than so many times; what they hold is not looked at."""
    if value.__class__ is dict:
        value = value.values()
    elif value.__class__ is not list:
        return False
    if depth == 0:
        return True
    if len(value) >= _MANY and _HOLDERS.isdisjoint(map(type, value)):
        return False
    # An empty one holds nothing that could be too deep, unless it is itself.
    inner = [item for item in value if item.__class__ in _HOLDERS and (item or depth == 1)]
    return any(is_too_deep(item, depth - 1) for item in inner)


text_of: Final = JSONEncoder(ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":")).encode
"""The text of what is known to be a document."""


def encode(document: object, target: Target) -> str:
    """Return the text of a document.

    Raises:
        CastError: the value is no JSON document; the error names the path.
    """
    fault = _fault(document, MAX_DEPTH)
    if fault is not None:
        where = f" at {path_text(fault.path)}" if fault.path else ""
        raise refused(
            document,
            f"a JSON document, and it{where} {fault.reason}",
            hint="a document is made of dict, list, str, int, finite float, bool and None",
        )
    text = text_of(document)
    if target == "postgres" and "e+" in text:
        return _spelt_out(document)
    return text


def _spelt_out(value: Any) -> str:
    """Write large floats without an exponent: `jsonb` keeps 1e+16 as a whole number, and 1…0.0 as a float."""
    if value.__class__ is dict:
        return "{" + ",".join(f"{text_of(key)}:{_spelt_out(item)}" for key, item in value.items()) + "}"
    if value.__class__ is list:
        return "[" + ",".join(map(_spelt_out, value)) + "]"
    text = text_of(value)
    return f"{Decimal(text):f}.0" if value.__class__ is float and "e+" in text else text


def path_text(path: tuple[str | int, ...]) -> str:
    """Return a path as one writes it: `["a"][0]`."""
    return "".join(f'["{part}"]' if isinstance(part, str) else f"[{part}]" for part in path)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


# `raw_decode` is half the price of `json.loads`, which looks for white space that no database writes.
_decode: Final = JSONDecoder(parse_constant=_no_constant).raw_decode


def decode(text: Any) -> Any:
    """Return the document of a text that a database gave.

    Raises:
        CastError: the text is no JSON, or it holds NaN, an infinity, or numbers or levels beyond what Python reads.
    """
    try:
        document, end = _decode(text)
    except (ValueError, TypeError, RecursionError):
        raise unreadable(text, "a JSON document") from None
    if end != len(text) and text[end:].strip():
        raise unreadable(text, "one JSON document")
    return document


def same(left: Any, right: Any) -> bool:
    """Whether two documents are the same text: 1, 1.0 and True are three values, the order of keys is none.

    >>> same({"a": 1}, {"a": 1}), same({"a": 1}, {"a": True})
    (True, False)
    """
    if left.__class__ is not right.__class__:
        return False
    if left.__class__ is dict:
        return left.keys() == right.keys() and all(same(item, right[key]) for key, item in left.items())
    if left.__class__ is list:
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def copied(document: Any) -> Any:
    """Return a document that shares no dict and no list with the one given."""
    if document.__class__ is dict:
        return {key: copied(item) if item.__class__ in _HOLDERS else item for key, item in document.items()}
    if document.__class__ is list:
        items = cast("list[Any]", document)
        if len(items) >= _MANY and _HOLDERS.isdisjoint(map(type, items)):
            return items.copy()
        return [copied(item) if item.__class__ in _HOLDERS else item for item in items]
    return document

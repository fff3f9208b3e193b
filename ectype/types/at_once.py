"""Many values from outside cast at once, in a few passes of C where a loop of Python would take ten times as long.

Each function takes a list and gives the list that casting its items one after the other gives; or None where they have
to be looked at one after the other, since they are of several kinds, or one of them is refused, and somebody wants to
know which. None of them raises, whatever the items are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal, DecimalException
from math import isfinite
from struct import Struct
from struct import error as StructError  # noqa: N812  # as the errors beside it
from types import NoneType
from typing import Any, Final, TypeAlias

AtOnce: TypeAlias = Callable[[list[Any]], list[Any] | None]
"""A function of this file, for one type."""

_INTEGER_CHARACTERS: Final = "0123456789+-"
_NUMBER_CHARACTERS: Final = "0123456789+-.eE,"
_OPEN_POINTS: Final = (",.", ".,", "+.", "-.", ".e", ".E")
"""Where a point has no digit on one side, which Python reads and the grammar of floats does not."""

_LONG_EXPONENT: Final = re.compile(r"[eE][+-]?[0-9]{6}")
"""An exponent that the grammar of decimals does not have."""
_MOST_DIGITS: Final = 18
"""So many characters of a whole number are within 64 bits whatever they are."""
_MOST_CHARACTERS: Final = 300
"""So many characters of a number cost nothing to read, and are within the bounds of floats and decimals."""


def is_all(kind: type, values: Sequence[Any]) -> bool:
    """Whether each value is of exactly this class.

    >>> is_all(int, [1, 2]), is_all(int, [1, True])
    (True, False)
    """
    return [*map(type, values)].count(kind) == len(values)


def are_64_bits(values: list[int]) -> bool:
    """Whether ints are within 64 bits."""
    # What this makes is not needed: of all that refuses a number that is too long, it is the quickest.
    try:
        Struct(f"{len(values)}q").pack(*values)
    except StructError:
        return False
    return True


def are_finite(values: list[float]) -> bool:
    """Whether floats are neither infinite nor NaN; False also where their sum is beyond a float."""
    # A sum is finite only if each of them is.
    return isfinite(sum(values))


def are_storable(values: list[str]) -> bool:
    """Whether texts are without NUL and lone surrogates."""
    joined = "".join(values)
    return "\0" not in joined and is_unicode(joined)


def is_unicode(text: str) -> bool:
    """Whether a text is without lone surrogates."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return False
    return True


def integers(values: list[Any]) -> list[Any] | None:
    """Take ints of 64 bits; or texts of few digits, each with a sign or without."""
    if is_all(int, values) and are_64_bits(values):
        return values.copy()
    if not is_all(str, values) or "".join(values).strip(_INTEGER_CHARACTERS) or max(map(len, values)) > _MOST_DIGITS:
        return None
    try:
        return list(map(int, values))
    except ValueError:  # no digit, or a sign behind one
        return None


def floats(values: list[Any]) -> list[Any] | None:
    """Take finite floats, ints that are near one, or texts of few characters."""
    if is_all(float, values) and are_finite(values):
        return values.copy()
    kinds = set(map(type, values))
    if kinds == {str}:
        if not _are_numbers(values):
            return None
    elif not kinds <= {int, float}:
        return None
    try:
        made = list(map(float, values))
    except (ValueError, OverflowError):
        return None
    return made if isfinite(sum(made)) else None


def _are_numbers(values: list[Any]) -> bool:
    """Whether texts are no other numbers than the grammar of floats has; Python says of each whether it is one."""
    joined = f",{','.join(values)},"
    return (
        not joined.strip(_NUMBER_CHARACTERS)
        and not any(one in joined for one in _OPEN_POINTS)
        and max(map(len, values)) <= _MOST_CHARACTERS
    )


def decimals(values: list[Any], convert: Callable[[Any], Decimal]) -> list[Any] | None:
    """Take finite Decimals and floats, ints of 64 bits, or texts of few characters.

    Args:
        values: the values.
        convert: makes a Decimal of each, and raises a DecimalException for what is none, or out of bounds.
    """
    kinds = set(map(type, values))
    if kinds == {int, str}:
        if not are_64_bits([value for value in values if value.__class__ is int]):  # as below
            return None
        values, kinds = list(map(str, values)), {str}
    if kinds == {str}:
        joined = ",".join(values)
        outside = joined.strip(_NUMBER_CHARACTERS) or _LONG_EXPONENT.search(joined)
        if outside or max(map(len, values)) > _MOST_CHARACTERS:
            return None
    elif kinds == {int}:
        # Beyond it the text of a number takes quadratic time.
        if not are_64_bits(values):
            return None
    elif kinds == {float}:
        if not all(map(isfinite, values)):
            return None
        values = list(map(repr, values))
    elif kinds != {Decimal} or not all(map(Decimal.is_finite, values)):
        return [] if not values else None
    return converted(values, convert)


def converted(values: list[Any], convert: Callable[[Any], Decimal]) -> list[Any] | None:
    """Take what `convert` makes a Decimal of, each without a DecimalException."""
    try:
        return list(map(convert, values))
    except DecimalException:
        return None


def texts(values: list[Any]) -> list[Any] | None:
    """Take texts without NUL and lone surrogates."""
    return values.copy() if is_all(str, values) and are_storable(values) else None


def booleans(values: list[Any]) -> list[Any] | None:
    """Take True and False."""
    return values.copy() if is_all(bool, values) else None


def known(values: list[Any], get: Callable[[Any], Any]) -> list[Any] | None:
    """Take texts that stand for something each, which is not None."""
    if not is_all(str, values):
        return None
    found = list(map(get, values))
    return found if is_none_free(found) else None


def is_none_free(values: list[Any]) -> bool:
    """Whether None is not among some values; it is looked for by its class, since `==` may be anything.

    >>> is_none_free([0, ""])
    True
    """
    return NoneType not in map(type, values)

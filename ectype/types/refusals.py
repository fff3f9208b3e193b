"""The `CastError` of a value that a type does not store: what it got, shortened, and the fix."""

from __future__ import annotations

from reprlib import Repr
from typing import Any, Final

from ectype.errors import CastError

_MOST_BITS: Final = 256
"""Above this an int is described, since writing a long one takes quadratic time and is refused by Python itself."""

_SHORT: Final = Repr()
_SHORT.maxstring = _SHORT.maxother = 60
_SHORT.maxlong = 90
_SHORT.maxlevel = 2


def refused(value: object, wanted: str, *, hint: str | None = None) -> CastError:
    """Return the error for a value that is not what a type stores.

    >>> print(refused(True, "an integer"))
    expected an integer, got True (bool)
    """
    return CastError(f"expected {wanted}, got {shown(value)} ({value.__class__.__name__})", hint=hint)


def unreadable(value: object, wanted: str, *, hint: str | None = None) -> CastError:
    """Return the error for what a database gave and a type cannot read.

    >>> print(unreadable("x", "a date"))
    the database gave 'x' (str), which is not a date
    """
    return CastError(f"the database gave {shown(value)} ({value.__class__.__name__}), which is not {wanted}", hint=hint)


def shown(value: Any) -> str:
    """Return a short `repr` of any value, at once and without raising.

    >>> shown("a" * 1000)
    "'aaaaaaaaaaaaaaaaaaaaaaaaaaa...aaaaaaaaaaaaaaaaaaaaaaaaaaaa'"
    """
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        return f"a number of {value.bit_length()} bits"
    if isinstance(value, bytes | bytearray):
        value = bytes(value[: _SHORT.maxstring])
    try:
        return _SHORT.repr(value)
    except Exception:  # noqa: BLE001  # a `repr` that raises must not hide the error that is being told
        return f"<{value.__class__.__name__}>"

"""Keys of structs: one value, or a tuple where a key has several columns; None where a part is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any


def keys_of(names: Sequence[str], rows: Iterable[Any]) -> list[Any]:
    """Return the key of each struct; None where a member of it is None or has no value."""
    rows = list(rows)
    get: Callable[[Any], Any] = attrgetter(*names)
    try:
        found = list(map(get, rows))
    except AttributeError:
        # A struct that was built here may lack its key.
        found = list(_careful(names, rows))
    return found if len(names) == 1 else [None if None in key else key for key in found]


def _careful(names: Sequence[str], rows: Iterable[Any]) -> Iterator[Any]:
    for row in rows:
        key = tuple(getattr(row, name, None) for name in names)
        yield key if len(names) > 1 else key[0]

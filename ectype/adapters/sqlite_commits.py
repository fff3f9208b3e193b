"""Commits of SQLite in the thread of the event loop: small ones, which append to the WAL and wait for no disk.

With WAL and `synchronous=normal` a commit writes its pages to the end of the WAL, which the system keeps in memory.
SQLite waits for the disk elsewhere (https://www.sqlite.org/wal.html#performance_considerations): where it brings the
WAL into the file, which it does after a commit that made it longer than a thousand pages, and where the next commit
begins the WAL anew. Both stay on the connection's thread:

- A connection that commits here does not look at the length of the WAL; it does again for all that its thread does.
- After some hundred rows the next commit has its thread, which brings the WAL into the file if it is time to, and the
  one after it, which may begin the WAL anew. So has the one after any other commit on a thread.

Of 60,000 commits so, one to seven took longer than a millisecond, and 184 where SQLite looks at the length after each.
"""

from __future__ import annotations

from collections.abc import Sequence, Sized
from typing import cast

ROWS = 500
"""How many rows are committed here before a thread looks whether the WAL is too long."""
ROWS_AT_ONCE = 32
"""How many rows a transaction may have written whose COMMIT is done here."""
LONGEST_VALUE = 4_096
"""How many characters or bytes each value may have of a row that is written here."""

_SIZED = frozenset({str, bytes, bytearray, memoryview})


class Commits:
    """Where the next commit of one database may be done. All its connections are of one event loop.

    Attributes:
        here: whether a commit waits for no disk; it does with a `synchronous` other than `off` and `normal`.
    """

    __slots__ = ("_left", "_there", "here")

    def __init__(self, *, here: bool) -> None:
        self.here = here
        self._left = ROWS
        self._there = False

    def may_be_here(self) -> bool:
        """Return whether the next commit may be done here."""
        return self.here and self._left > 0 and not self._there

    def was_here(self, rows: int) -> None:
        """Note a commit here of so many rows."""
        self._left -= rows

    def was_there(self) -> None:
        """Note one on a thread, which may have brought the WAL into the file: the next may begin it anew."""
        if self._left <= 0:
            self._left = ROWS
            self._there = True
        else:
            self._there = not self._there


def short(params: Sequence[object]) -> bool:
    """Return whether no value of a row makes its commit a long one."""
    for one in params:  # noqa: SIM110  # `all` makes a generator, which takes three times as long
        if one.__class__ in _SIZED and len(cast("Sized", one)) > LONGEST_VALUE:
            return False
    return True

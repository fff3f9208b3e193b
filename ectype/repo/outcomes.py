"""What an upsert did: `Inserted(struct)`, `Updated(struct)` or `Ignored(struct | None)`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Inserted(Generic[T]):
    """A row was written that was not there; `struct` is the row as the database has it."""

    struct: T


@dataclass(frozen=True, slots=True)
class Updated(Generic[T]):
    """The row that was there was changed; `struct` is the row as the database has it now."""

    struct: T


@dataclass(frozen=True, slots=True)
class Ignored(Generic[T]):
    """Nothing was written; `struct` is the row that is there, or None without a conflict target to find it by."""

    struct: T | None


Outcome: TypeAlias = Inserted[T] | Updated[T] | Ignored[T]

"""Plans by shape: bounded, per repo, one dictionary lookup when hot."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

V = TypeVar("V")


class PlanCache(Generic[V]):
    """A cache of at most `2 × size` values that forgets what was not used lately.

    Values live in two generations. What is found in the old one moves to the young one; when the young one is full it
    becomes the old one, and what was in the old one is forgotten. A hit in the young generation writes nothing, which
    an exact least-recently-used order would.
    """

    __slots__ = ("evictions", "old", "size", "young")

    def __init__(self, size: int) -> None:
        self.size = size
        self.young: dict[Hashable, V] = {}
        self.old: dict[Hashable, V] = {}
        self.evictions = 0

    def get(self, key: Hashable) -> V | None:
        """Return the value of a key, or None."""
        found = self.young.get(key)
        if found is not None:
            return found
        found = self.old.pop(key, None)
        if found is not None:
            self.put(key, found)
        return found

    def put(self, key: Hashable, value: V) -> V:
        """Remember a value and return it."""
        if len(self.young) >= self.size:
            self.evictions += len(self.old)
            self.old = self.young
            self.young = {}
        self.young[key] = value
        return value

    def __len__(self) -> int:
        return len(self.young) + len(self.old)


class NoCache(PlanCache[V]):
    """A cache that keeps nothing, for queries of which each has a shape of its own. `kept` is the one it stands for."""

    __slots__ = ("kept",)

    def __init__(self, kept: PlanCache[V]) -> None:
        super().__init__(0)
        self.kept = kept

    def put(self, key: Hashable, value: V) -> V:  # noqa: ARG002  # nothing is kept under it
        """Return the value."""
        return value

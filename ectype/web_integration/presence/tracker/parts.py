"""Parts of a state: what replicas send each other, whole or as what changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, NamedTuple, final

from ectype.web_integration.presence.tracker.clock import Context, lower, only, upper


class Dot(NamedTuple):
    """The name of one change: the replica that made it, and its number there."""

    replica: str
    clock: int


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody is present.

    Attributes:
        dot: the change that said so; its name for as long as it stands.
        topic: where.
        key: who.
        meta: what is told of it.
    """

    dot: Dot
    topic: str
    key: str
    meta: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Diff:
    """What a change did to those who are seen."""

    joins: Sequence[Entry] = ()
    leaves: Sequence[Entry] = ()

    def __bool__(self) -> bool:
        return bool(self.joins or self.leaves)


@dataclass(frozen=True, slots=True)
class Part:
    """What one replica knows of some changes: those that were made, and which of them still stand.

    A change that it has seen and of which it has no entry was taken back. That is the whole rule of merging.

    Attributes:
        entries: what stands.
        context: of each replica, all changes up to this number have been seen.
        dots: changes that have been seen beyond that.
        start: of a delta, where it begins.
        end: of a delta, what is known by who has merged it and all before it. Both are empty in a whole state.
    """

    entries: Mapping[Dot, Entry]
    context: Context = field(default_factory=dict[str, int])
    dots: Mapping[str, Set[int]] = field(default_factory=dict[str, Set[int]])
    start: Context = field(default_factory=dict[str, int])
    end: Context = field(default_factory=dict[str, int])

    def saw(self, dot: Dot) -> bool:
        """Return whether the change has been seen."""
        return dot.clock <= self.context.get(dot.replica, 0) or dot.clock in self.dots.get(dot.replica, ())

    @property
    def size(self) -> int:
        """How many changes it tells of."""
        return len(self.entries) + sum(len(dots) for dots in self.dots.values())

    def of(self, replicas: Set[str], *, for_replica: str | None = None) -> Part:
        """Return what it says of some replicas, without the entries of the one that it is for, who knows them."""
        return Part(
            {
                dot: entry
                for dot, entry in self.entries.items()
                if dot.replica in replicas and dot.replica != for_replica
            },
            only(self.context, replicas),
            {replica: dots for replica, dots in self.dots.items() if replica in replicas},
            only(self.start, replicas),
            only(self.end, replicas),
        )


def joined(older: Part, newer: Part) -> Part | None:
    """Return two deltas as one, or None where something between them is missing."""
    for replica in older.start.keys() & newer.start.keys():
        if max(older.start[replica], newer.start[replica]) > min(older.end[replica], newer.end[replica]):
            return None
    entries = {
        **{dot: entry for dot, entry in older.entries.items() if dot in newer.entries or not newer.saw(dot)},
        **{dot: entry for dot, entry in newer.entries.items() if dot in older.entries or not older.saw(dot)},
    }
    dots = {
        replica: frozenset(older.dots.get(replica, ())) | frozenset(newer.dots.get(replica, ()))
        for replica in older.dots.keys() | newer.dots.keys()
    }
    return Part(entries, {}, dots, lower(older.start, newer.start), upper(older.end, newer.end))


@final
class DeltaLog:
    """The last deltas, joined into one part a size: who missed little is sent little.

    Args:
        sizes: how many changes each part may tell of, ascending.
    """

    __slots__ = ("_parts", "_sizes")

    def __init__(self, sizes: Sequence[int] = (100, 1_000, 10_000)) -> None:
        self._sizes = tuple(sizes)
        self._parts: list[Part] = []

    def push(self, delta: Part) -> None:
        """Add a delta. A part that would grow too large, or have a hole, begins anew with the next smaller one."""
        if not delta.size:
            return
        smaller, parts = delta, list[Part]()
        for number, size in enumerate(self._sizes):
            part = joined(self._parts[number], delta) if self._parts else delta
            if part is None or part.size > size:
                part = smaller
            parts.append(part)
            smaller = part
        self._parts = parts

    def between(self, theirs: Context, mine: Context) -> Part | None:
        """Return the smallest part that brings `theirs` to `mine`, of the replicas that they know; None without one."""
        behind = {replica for replica in theirs.keys() & mine.keys() if mine[replica] > theirs[replica]}
        for part in self._parts:
            begins = all(part.start[replica] <= theirs[replica] for replica in part.start.keys() & theirs.keys())
            if begins and all(part.end.get(replica, -1) >= mine[replica] for replica in behind):
                return part
        return None

    def forget(self, replica: str) -> None:
        """Forget a replica that is gone for good."""
        self._parts = [part.of(part.start.keys() - {replica}) for part in self._parts]

"""State: who is present, as one replica sees it. An add-wins, observed-remove set.

Each replica adds and takes back entries of its own only, and numbers its changes. Two replicas merge by telling each
other which changes they have seen and which of them still stand; the order, the route and the number of times make no
difference. Nothing here reads a clock or the network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

from ectype.web_integration.presence.tracker.clock import Context
from ectype.web_integration.presence.tracker.parts import DeltaLog, Diff, Dot, Entry, Part


@final
class State:
    """Who is present.

    Args:
        replica: the name of this one, never used before.
        sizes: those of `DeltaLog`.
    """

    __slots__ = (
        "_context",
        "_dots",
        "_down",
        "_log",
        "_of",
        "_pending",
        "_pending_dots",
        "_since",
        "_topics",
        "replica",
    )

    def __init__(self, replica: str, sizes: Sequence[int] = (100, 1_000, 10_000)) -> None:
        self.replica = replica
        self._context: dict[str, int] = {replica: 0}
        self._dots: dict[str, set[int]] = {}
        self._of: dict[str, dict[int, Entry]] = {replica: {}}
        self._topics: dict[str, dict[Dot, Entry]] = {}
        self._down: set[str] = set()
        self._log = DeltaLog(sizes)
        # What the next delta says: entries, and the dots before them that were taken back.
        self._since = 0
        self._pending: dict[Dot, Entry] = {}
        self._pending_dots: set[int] = set()

    @property
    def context(self) -> Context:
        """What is known, of each replica that is."""
        return dict(self._context)

    # What this replica does.

    def join(self, topic: str, key: str, meta: Mapping[str, Any]) -> Entry:
        """Add an entry."""
        entry = Entry(self._next(), topic, key, meta)
        self._keep(entry)
        self._pending[entry.dot] = entry
        return entry

    def leave(self, entry: Entry) -> None:
        """Take back an entry of this replica."""
        self._take_back(entry)
        self._next()

    def replace(self, entry: Entry, meta: Mapping[str, Any]) -> Entry:
        """Take back an entry of this replica and add another in its place, as one change."""
        self._take_back(entry)
        return self.join(entry.topic, entry.key, meta)

    def take_delta(self) -> Part | None:
        """Return what this replica did since the last call, or None for nothing."""
        clock = self._context[self.replica]
        if clock == self._since:
            return None
        dots = frozenset(range(self._since + 1, clock + 1)) | self._pending_dots
        delta = Part(self._pending, {}, {self.replica: dots}, {self.replica: self._since}, {self.replica: clock})
        self._since, self._pending, self._pending_dots = clock, {}, set()
        self._log.push(delta)
        return delta

    # What others did.

    def merge(self, part: Part) -> Diff:
        """Take in what another replica knows, and return what changed among those who are seen."""
        known = self._context.keys() - {self.replica}
        joins = [entry for dot, entry in part.entries.items() if dot.replica in known and not self._saw(dot)]
        leaves: list[Entry] = []
        for replica in (part.context.keys() | part.dots.keys()) & known:
            standing = self._of[replica]
            suspects = standing if replica in part.context else part.dots[replica] & standing.keys()
            leaves += [
                standing[clock]
                for clock in suspects
                if part.saw(dot := Dot(replica, clock)) and dot not in part.entries
            ]
        for entry in leaves:
            self._drop(entry)
        for entry in joins:
            self._keep(entry)
        for replica in known:
            self._context[replica] = max(self._context[replica], part.context.get(replica, 0))
            self._compact(replica, part.dots.get(replica, frozenset()))
        if part.start:
            self._log.push(part.of(known))
        return Diff(self._seen(joins), self._seen(leaves))

    def part_for(self, replica: str, context: Context) -> Part:
        """Return what another replica is missing: the smallest delta that says it, else all that is known here."""
        found = self._log.between(context, self._context)
        if found is None:
            entries = {entry.dot: entry for standing in self._of.values() for entry in standing.values()}
            dots = {name: frozenset(dots) for name, dots in self._dots.items() if dots}
            found = Part(entries, dict(self._context), dots)
        return found.of(context.keys(), for_replica=replica)

    def up(self, replica: str) -> Diff:
        """Count a replica among those that are seen; what is known of it joins."""
        self._context.setdefault(replica, 0)
        self._of.setdefault(replica, {})
        if replica not in self._down:
            return Diff()
        self._down.discard(replica)
        return Diff(joins=tuple(self._of[replica].values()))

    def down(self, replica: str) -> Diff:
        """Do not see a replica for now: its entries leave, and are kept."""
        if replica in self._down or replica not in self._context:
            return Diff()
        self._down.add(replica)
        return Diff(leaves=tuple(self._of[replica].values()))

    def remove(self, replica: str) -> Diff:
        """Forget a replica for good."""
        diff = self.down(replica)
        for entry in tuple(self._of.get(replica, {}).values()):
            self._drop(entry)
        for place in (self._context, self._dots, self._of):
            place.pop(replica, None)
        self._down.discard(replica)
        self._log.forget(replica)
        return diff

    # Who is seen.

    def by_topic(self, topic: str) -> list[Entry]:
        """Return who is seen in a topic."""
        return self._seen(self._topics.get(topic, {}).values())

    def online(self) -> list[Entry]:
        """Return all who are seen."""
        return self._seen([entry for standing in self._of.values() for entry in standing.values()])

    def _seen(self, entries: Any) -> list[Entry]:
        down = self._down
        return [entry for entry in entries if entry.dot.replica not in down]

    def _next(self) -> Dot:
        self._context[self.replica] += 1
        return Dot(self.replica, self._context[self.replica])

    def _take_back(self, entry: Entry) -> None:
        self._drop(entry)
        self._pending.pop(entry.dot, None)
        if entry.dot.clock <= self._since:
            self._pending_dots.add(entry.dot.clock)

    def _keep(self, entry: Entry) -> None:
        self._of[entry.dot.replica][entry.dot.clock] = entry
        self._topics.setdefault(entry.topic, {})[entry.dot] = entry

    def _drop(self, entry: Entry) -> None:
        del self._of[entry.dot.replica][entry.dot.clock]
        there = self._topics[entry.topic]
        del there[entry.dot]
        if not there:
            del self._topics[entry.topic]

    def _saw(self, dot: Dot) -> bool:
        return dot.clock <= self._context[dot.replica] or dot.clock in self._dots.get(dot.replica, ())

    def _compact(self, replica: str, more: Any) -> None:
        dots = self._dots.pop(replica, set[int]()) | set(more)
        clock = self._context[replica]
        while clock + 1 in dots:
            clock += 1
        self._context[replica] = clock
        if beyond := {dot for dot in dots if dot > clock}:
            self._dots[replica] = beyond

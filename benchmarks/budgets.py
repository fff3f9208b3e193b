"""What a workload may cost, and whether it does: judged by the median of a run's rounds."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Spread: TypeAlias = tuple[float, float, float]
"""A median, with the least and the most."""


@dataclass(frozen=True)
class Verdict:
    """How a workload stands against one budget: `found` is in the unit of `limit`."""

    workload: str
    database: str
    budget: str
    found: Spread
    met: bool


@dataclass(frozen=True)
class Budget:
    """The most that one competitor may cost: times another, microseconds above it, or microseconds by itself.

    Microseconds are those of the machine on which the budgets were set: see `benchmarks.yardstick`.

    Attributes:
        who: whose cost it is.
        against: whom it is compared with; None where a cost stands by itself.
        ratio: the most, as a multiple of the other.
        above: the most, as microseconds above the other.
        most: the most, as microseconds.
        figure: client CPU, or the wall clock.
        least: reads the ratio the other way round: how many times as many calls a second, at least.
        words: how the report says it.
    """

    who: str = "ectype"
    against: str | None = None
    ratio: float | None = None
    above: float | None = None
    most: float | None = None
    figure: Literal["cpu", "wall"] = "cpu"
    least: float | None = None
    words: str | None = None

    def __str__(self) -> str:
        name = "" if self.who == "ectype" else f"{self.who.removeprefix('ectype, ')} "
        if self.words is not None:
            return f"{name}{self.words} {self.against}"
        if self.least is not None:
            return f"{name}≥ {self.least:g} × calls/s of {self.against}"
        if self.ratio is not None:
            return f"{name}≤ {self.ratio:g} × {self.against}"
        if self.above is not None:
            return f"{name}≤ {self.against} + {self.above:g} µs"
        return f"{name}≤ {self.most:g} µs"

    def judge(self, workload: str, database: str, figures: Mapping[str, Any], slowness: Sequence[float]) -> Verdict:
        """Return how the figures of a run stand against this budget.

        Args:
            workload: what was measured.
            database: on what.
            figures: of each competitor, a value a round.
            slowness: how many times as long this machine took for the yardstick, in each round.
        """
        mine: list[float] = getattr(figures[self.who], self.figure)
        if self.against is None:
            found = [one * 1e6 / slow for one, slow in zip(mine, slowness, strict=True)]
            met = statistics.median(found) <= _given(self.most)
        else:
            other: list[float] = getattr(figures[self.against], self.figure)
            # A clock that did not move between two looks is no reason to divide by nothing.
            pairs = [(max(own, 1e-12), max(theirs, 1e-12)) for own, theirs in zip(mine, other, strict=True)]
            if self.least is not None:
                found = [theirs / own for own, theirs in pairs]
                met = statistics.median(found) >= self.least
            elif self.ratio is not None:
                found = [own / theirs for own, theirs in pairs]
                met = statistics.median(found) <= self.ratio
            else:
                found = [(own - theirs) * 1e6 / slow for (own, theirs), slow in zip(pairs, slowness, strict=True)]
                met = statistics.median(found) <= _given(self.above)
        return Verdict(workload, database, str(self), (statistics.median(found), min(found), max(found)), met)


def _given(limit: float | None) -> float:
    assert limit is not None, "a budget says one limit"
    return limit


RAW = {"PostgreSQL": "raw asyncpg", "SQLite": "raw sqlite3"}
"""The driver that ratios are taken against."""

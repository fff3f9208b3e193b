"""Where the boxes of a diagram stand: what is referenced to the left of what references it, with few crossings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ectype.cli.diagram import Box, Diagram

LETTER: Final = 7.3
ROW: Final = 20.0
HEAD: Final = 26.0
GAP_X: Final = 90.0
GAP_Y: Final = 34.0
MARGIN: Final = 24.0
SWEEPS: Final = 8


@dataclass(frozen=True, slots=True)
class Placed:
    """A box with its place, in pixels from the upper left corner."""

    box: Box
    x: float
    y: float
    width: float
    height: float

    def row(self, column: str) -> float:
        """Return the height at which a column's row has its middle; that of the heading where there is none."""
        for number, row in enumerate(self.box.rows):
            if row.name == column:
                return self.y + HEAD + ROW * (number + 0.5)
        return self.y + HEAD / 2


@dataclass(frozen=True, slots=True)
class Layout:
    """All boxes by name, and how large the whole is."""

    placed: Mapping[str, Placed]
    width: float
    height: float


def layout(diagram: Diagram) -> Layout:
    """Place the boxes in columns: a table stands right of all that it references, as far as there is no circle."""
    boxes = {box.name: box for box in diagram.boxes}
    targets = _targets(diagram)
    ranks = _ranks(boxes, targets)
    columns = _ordered(ranks, targets)
    placed: dict[str, Placed] = {}
    x = MARGIN
    tallest = max((_column_height(names, boxes) for names in columns), default=0.0)
    for names in columns:
        width = max(_width(boxes[name]) for name in names)
        y = MARGIN + (tallest - _column_height(names, boxes)) / 2
        for name in names:
            height = _height(boxes[name])
            placed[name] = Placed(boxes[name], x, y, width, height)
            y += height + GAP_Y
        x += width + GAP_X
    return Layout(placed, max(x - GAP_X, 0.0) + MARGIN, tallest + 2 * MARGIN)


def _targets(diagram: Diagram) -> Mapping[str, list[str]]:
    names = {box.name for box in diagram.boxes}
    found: dict[str, list[str]] = defaultdict(list)
    for line in diagram.lines:
        if line.source != line.target and {line.source, line.target} <= names:
            found[line.source].append(line.target)
    return found


def _ranks(boxes: Mapping[str, Box], targets: Mapping[str, list[str]]) -> dict[str, int]:
    """Return for each box how many steps it references at most; a step that closes a circle does not count."""
    ranks: dict[str, int] = {}

    def rank(name: str, above: frozenset[str]) -> int:
        if name not in ranks:
            steps = [rank(one, above | {name}) + 1 for one in targets.get(name, ()) if one not in above | {name}]
            ranks[name] = max(steps, default=0)
        return ranks[name]

    for name in boxes:
        rank(name, frozenset())
    return ranks


def _ordered(ranks: Mapping[str, int], targets: Mapping[str, list[str]]) -> list[list[str]]:
    """Return the columns; in each, a box stands at the mean height of its neighbours, which keeps lines short."""
    columns: list[list[str]] = [[] for _ in range(max(ranks.values(), default=-1) + 1)]
    for name in sorted(ranks):
        columns[ranks[name]].append(name)
    neighbours: dict[str, list[str]] = defaultdict(list)
    for source, names in targets.items():
        for target in names:
            neighbours[source].append(target)
            neighbours[target].append(source)
    for _ in range(SWEEPS):
        places = {name: number / len(column) for column in columns for number, name in enumerate(column)}
        for column in columns:
            column.sort(key=lambda name: (_mean(name, neighbours, places), name))
            places |= {name: number / len(column) for number, name in enumerate(column)}
    return [column for column in columns if column]


def _mean(name: str, neighbours: Mapping[str, list[str]], places: Mapping[str, float]) -> float:
    near = [places[one] for one in neighbours.get(name, ())]
    return sum(near) / len(near) if near else places[name]


def _width(box: Box) -> float:
    longest = max((len(row.name) + len(row.type) + len(row.key) + 4 for row in box.rows), default=0)
    return max(longest, len(box.name) + 4) * LETTER + 16


def _height(box: Box) -> float:
    return HEAD + ROW * len(box.rows) + 6


def _column_height(names: list[str], boxes: Mapping[str, Box]) -> float:
    return sum(_height(boxes[name]) for name in names) + GAP_Y * (len(names) - 1)

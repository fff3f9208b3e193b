"""A diagram as an SVG picture, in light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from xml.sax.saxutils import escape

from ectype.cli.diagram import Diagram, Line, Row
from ectype.cli.diagram_layout import HEAD, ROW, Layout, Placed, layout

STYLE: Final = """\
    .page { fill: #ffffff } .box { fill: #fbfbfd; stroke: #8a8fa3 } .head { fill: #e7eaf4 }
    text { font: 12px ui-monospace, monospace; fill: #1d2233 } .name { font-weight: bold }
    .type { fill: #5d6480 } .key { fill: #9a5b00 } .line { fill: none; stroke: #6a7194 } .end { fill: #6a7194 }
    @media (prefers-color-scheme: dark) {
      .page { fill: #14161c } .box { fill: #1c1f28; stroke: #656b80 } .head { fill: #2a2f3d }
      text { fill: #e8eaf2 } .type { fill: #a4abc4 } .key { fill: #e0a95a } .line { stroke: #8d95b5 }
      .end { fill: #8d95b5 }
    }"""
BEND: Final = 45.0


def svg(diagram: Diagram) -> str:
    """Return the picture, with a line break at its end."""
    whole = layout(diagram)
    size = f'width="{whole.width:.0f}" height="{whole.height:.0f}" viewBox="0 0 {whole.width:.0f} {whole.height:.0f}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
        f"  <title>{len(diagram.boxes)} tables</title>",
        f"  <style>\n{STYLE}\n  </style>",
        '  <rect class="page" width="100%" height="100%"/>',
        *_lines(diagram, whole),
    ]
    for name in sorted(whole.placed):
        parts += _box(whole.placed[name])
    return "\n".join([*parts, "</svg>"]) + "\n"


def _lines(diagram: Diagram, whole: Layout) -> Iterator[str]:
    for line in diagram.lines:
        source, target = whole.placed.get(line.source), whole.placed.get(line.target)
        if source is not None and target is not None:
            yield from _line(line, source, target)


def _line(line: Line, source: Placed, target: Placed) -> Iterator[str]:
    y1, y2 = source.row(line.column), target.y + HEAD / 2
    if source.x > target.x + target.width:
        x1, x2, bend1, bend2 = source.x, target.x + target.width, -BEND, BEND
    elif target.x > source.x + source.width:
        x1, x2, bend1, bend2 = source.x + source.width, target.x, BEND, -BEND
    else:
        # In one column, or to itself: around the right side.
        x1, x2, bend1, bend2 = source.x + source.width, target.x + target.width, BEND, BEND
    path = f"M{x1:.1f} {y1:.1f} C{x1 + bend1:.1f} {y1:.1f} {x2 + bend2:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
    said = f"{line.source}.{line.column} → {line.target}"
    dashes = ' stroke-dasharray="5 4"' if line.to_end == "maybe" else ""
    yield f'  <path class="line" d="{path}"{dashes}><title>{escape(said)}</title></path>'
    yield f'  <circle class="end" cx="{x2:.1f}" cy="{y2:.1f}" r="3.5"/>'


def _box(placed: Placed) -> Iterator[str]:
    x, y, width, height = placed.x, placed.y, placed.width, placed.height
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}"'
    yield f'  <rect class="box" {place} height="{height:.1f}" rx="5"/>'
    yield f'  <rect class="head" {place} height="{HEAD:.1f}" rx="5"/>'
    yield f'  <text class="name" x="{x + 8:.1f}" y="{y + 17:.1f}">{escape(placed.box.name)}</text>'
    for number, row in enumerate(placed.box.rows):
        yield from _row(row, x, y + HEAD + ROW * number + 14, width)


def _row(row: Row, x: float, y: float, width: float) -> Iterator[str]:
    yield f'  <text x="{x + 8:.1f}" y="{y:.1f}">{escape(row.name)}</text>'
    key = f'<tspan class="key">{escape(row.key)} </tspan>' if row.key else ""
    yield (f'  <text class="type" text-anchor="end" x="{x + width - 8:.1f}" y="{y:.1f}">{key}{escape(row.type)}</text>')

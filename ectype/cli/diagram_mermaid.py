"""A diagram as Mermaid text, which code hosts draw: https://mermaid.js.org/syntax/entityRelationshipDiagram.html."""

from __future__ import annotations

import re

from ectype.cli.diagram import Diagram, End, Row

ENDS: dict[End, str] = {"one": "||", "maybe": "|o", "many": "o{"}


def mermaid(diagram: Diagram) -> str:
    """Return the text, with a line break at its end."""
    lines = ["erDiagram"]
    for box in diagram.boxes:
        lines.append(f"    {_word(box.name)} {{")
        lines += [f"        {_row(row)}" for row in box.rows]
        lines.append("    }")
    lines += [
        f'    {_word(line.target)} {ENDS[line.to_end]}--o{{ {_word(line.source)} : "{line.column}"'
        for line in diagram.lines
    ]
    return "\n".join(lines) + "\n"


def _row(row: Row) -> str:
    # A type is one word there, with brackets at most.
    type_ = re.sub(r"\W+", "_", row.type.removesuffix("?")).strip("_") or "unknown"
    keys = f" {', '.join(row.key.split())}" if row.key else ""
    remark = ' "may be null"' if row.type.endswith("?") else ""
    return f"{type_} {_word(row.name)}{keys}{remark}"


def _word(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_][\w-]*", name, re.ASCII) else re.sub(r"[^\w-]", "_", name)

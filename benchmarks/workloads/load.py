"""Rows that are here already to structs: what the layout of structs allows, beside the same loop over a plain class.

A microsecond a call of 1,000 rows is a nanosecond a row.
"""

from typing import Any

from benchmarks.harness import Competitor, Table
from ectype import POSTGRES, Field, Schema, from_, primary_key
from ectype.repo.loader import build
from ectype.sql.compilers import compile_select

ROWS = [(i, i % 50, 10, f"Insert from A, item {i}", i * 0.5, i) for i in range(1_000)]


class Entry(Schema, table="entry"):
    id: Field[int] = primary_key()
    author_id: Field[int]
    level: Field[int]
    text: Field[str]
    score: Field[float]
    views: Field[int]


class Slotted:
    __slots__ = ("author_id", "id", "level", "score", "text", "views")

    def __init__(self, id: int, author_id: int, level: int, text: str, score: float, views: int) -> None:  # noqa: A002
        self.id = id
        self.author_id = author_id
        self.level = level
        self.text = text
        self.score = score
        self.views = views


def tables() -> list[Table]:
    """Six cheap columns of 1,000 rows, 1,000 times: structs against a class with slots and a constructor."""
    statement = compile_select(from_(Entry).node, POSTGRES)
    load = build(statement.columns, statement.row)

    def values(found: Any) -> Any:
        return [(one.id, one.author_id, one.level, one.text, one.score, one.views) for one in found]

    return [
        Table(
            "load 1000",
            "–",
            [
                Competitor("ectype", lambda _i: load(ROWS), sync=True),
                Competitor("class with slots", lambda _i: [Slotted(*row) for row in ROWS], sync=True),
            ],
            values,
        )
    ]

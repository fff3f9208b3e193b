"""What a struct costs by itself: to make one, to read it, to keep it; beside the classes that people use instead.

A microsecond a call of 1,000 structs is a nanosecond a struct.
"""

import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from benchmarks.harness import Competitor, Table
from benchmarks.peers.sqlalchemy import SaJournal
from benchmarks.schemas import NOW
from benchmarks.workloads.load import Slotted
from ectype import POSTGRES, Field, Schema, from_, primary_key
from ectype.repo.loader import build
from ectype.sql.compilers import compile_select

COUNT = 1_000
KEPT = 20_000
VALUES: dict[str, Any] = {"id": 1, "author_id": 2, "level": 10, "text": "an entry", "score": 0.5, "views": 3}
ROW = tuple(VALUES.values())


class Entry(Schema, table="entry"):
    id: Field[int] = primary_key()
    author_id: Field[int]
    level: Field[int]
    text: Field[str]
    score: Field[float]
    views: Field[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    id: int
    author_id: int
    level: int
    text: str
    score: float
    views: int


class Model(BaseModel):
    id: int
    author_id: int
    level: int
    text: str
    score: float
    views: int


class Plain:
    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)


MAKERS: dict[str, Callable[..., Any]] = {
    "class with slots": Slotted,
    "ectype": Entry,
    "frozen dataclass": Frozen,
    "pydantic": Model,
    "SQLAlchemy ORM": lambda **values: SaJournal(
        id=values["id"],
        author_id=values["author_id"],
        level=values["level"],
        text=values["text"],
        score=values["score"],
        timestamp=NOW,
    ),
}


def _make(maker: Callable[..., Any]) -> Callable[[int], Any]:
    def run(_i: int) -> Any:
        for _ in range(COUNT - 1):
            maker(**VALUES)
        return maker(**VALUES)

    return run


def _read(one: Any) -> Callable[[int], Any]:
    def run(_i: int) -> Any:
        seen: Any = None
        for _ in range(COUNT):
            seen = (one.id, one.author_id, one.level, one.text, one.score)
        return seen

    return run


def _first_five(one: Any) -> tuple[Any, ...]:
    return one if isinstance(one, tuple) else (one.id, one.author_id, one.level, one.text, one.score)


def tables() -> list[Table]:
    """Making 1,000 structs by their constructor, and reading five members 1,000 times."""
    return [
        Table(
            "struct create 1000",
            "–",
            [Competitor(name, _make(maker), sync=True) for name, maker in MAKERS.items()],
            _first_five,
        ),
        Table(
            "struct read 1000 × 5",
            "–",
            [Competitor(name, _read(maker(**VALUES)), sync=True) for name, maker in MAKERS.items()],
            _first_five,
        ),
    ]


def memory() -> str:
    """Return what a struct of six columns takes, loaded by ectype or made by others, beside its values."""
    statement = compile_select(from_(Entry).node, POSTGRES)
    load = build(statement.columns, statement.row)
    rows = [ROW] * KEPT
    ways: dict[str, Callable[[], Any]] = {
        "ectype": lambda: load(rows),
        "class with slots": lambda: [Slotted(*row) for row in rows],
        "class with a dict": lambda: [Plain(**VALUES) for _ in rows],
        "pydantic": lambda: [Model.model_construct(**VALUES) for _ in rows],
        "SQLAlchemy ORM": lambda: [MAKERS["SQLAlchemy ORM"](**VALUES) for _ in rows],
    }
    found = ", ".join(f"{name} {_bytes_each(way):.0f}" for name, way in ways.items())
    return f"memory, bytes a struct of six columns: {found}"


def _bytes_each(way: Callable[[], Any]) -> float:
    way()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    kept = way()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    # Eight of them are the place in the list.
    return (after - before) / len(kept) - 8

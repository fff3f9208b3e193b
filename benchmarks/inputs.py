"""What every workload asks for, and what its answer must hold: the same numbers for every competitor."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from benchmarks.schemas import LEVELS, NOW, bulk, stored

COLUMNS = "id, author_id, level, text, score, timestamp"
CHEAP_COLUMNS = "id, author_id, level, text, score"
NAMES = tuple(COLUMNS.split(", "))
WRITTEN = NAMES[1:]
WRITTEN_SAYS = "SELECT count(*), max(id), sum(length(text)), max(text), sum(score), sum(level) FROM entry"
"""What tells whether two competitors have left the same in the table that is written."""
LEAST = 100.0
LIMIT = 20
VALUES: dict[str, Any] = {
    "author_id": 7,
    "level": 20,
    "text": "Insert from A, item",
    "score": 1.25,
    "timestamp": NOW,
}
ROW = tuple(VALUES.values())
STORED_ROW = (*ROW[:4], stored(NOW))
"""The row as SQLite stores it."""
BULK = bulk()
"""The thousand rows that are inserted at once."""


def journal_key(i: int) -> int:
    """Return the key that iteration `i` reads."""
    return i % 5000 + 1


def entry_key(i: int) -> int:
    """Return the key that iteration `i` writes."""
    return i % 1000 + 1


def level(i: int) -> int:
    """Return the level, of five, whose rows iteration `i` reads."""
    return LEVELS[i % 5]


def text(i: int) -> str:
    """Return the text that iteration `i` writes."""
    return f"upd {i % 1000}"


def member(row: Any, name: str, place: int) -> Any:
    """Return a column of a row: of a tuple by its place, of a mapping or an object by its name."""
    if isinstance(row, tuple) and not hasattr(row, name):
        return row[place]
    if isinstance(row, Mapping) or hasattr(row, "keys"):
        return row[name]
    return getattr(row, name)


def plain(row: Any, names: Iterable[str] = NAMES) -> tuple[Any, ...]:
    """Return the values of a row whatever it is, moments in UTC: what must be equal among competitors."""
    return tuple(_utc(name, member(row, name, place)) for place, name in enumerate(names))


def _utc(name: str, value: Any) -> Any:
    if name != "timestamp":
        return value
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)

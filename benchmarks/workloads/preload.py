"""A hundred parents with their ten children each, by two queries, to linked structs."""

from typing import Any

from benchmarks.budgets import RAW, Budget
from benchmarks.harness import Competitor, Table
from benchmarks.schemas import Shelf
from benchmarks.worlds import World
from ectype import from_


def seen(found: Any) -> object:
    """Return the key of each parent with those of its children; the drivers give two lists of rows."""
    if not isinstance(found, tuple):
        return sorted((shelf.id, tuple(sorted(book.id for book in shelf.books))) for shelf in found)
    parents, children = found
    held: dict[int, list[int]] = {row[0]: [] for row in parents}
    for row in children:
        held[row[1]].append(row[0])
    return sorted((key, tuple(sorted(books))) for key, books in held.items())


def _iterated(found: Any) -> object:
    # Django and Tortoise give related managers, which are read again once they are loaded.
    if not isinstance(found, tuple) and hasattr(found[0].books, "all") and not isinstance(found[0].books, list):
        books = found[0].books
        if hasattr(books, "_fetched"):
            return seen(found)
        return sorted((shelf.id, tuple(sorted(book.id for book in shelf.books.all()))) for shelf in found)
    return seen(found)


def table(world: World) -> Table:
    """All hundred."""
    repo = world.repo
    own = Competitor("ectype", lambda _i: repo.all(from_(Shelf).preload(Shelf.books)))
    ratio = {"PostgreSQL": 1.3}.get(world.database)
    return Table(
        "preload",
        world.database,
        world.competitors("preload", own),
        _iterated,
        budgets=[] if ratio is None else [Budget(against=RAW[world.database], ratio=ratio)],
        lacking=world.lacking("preload"),
    )

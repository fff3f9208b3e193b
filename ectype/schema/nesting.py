"""Changesets inside changesets: where they stand among the changes, and what all of them say together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

K = TypeVar("K")


def nested(changes: Mapping[str, Any], cls: type[K]) -> Iterator[tuple[str, bool, tuple[K, ...]]]:
    """Give the relations among changes: their name, whether they hold many, and their changesets.

    Args:
        changes: those of a changeset.
        cls: the class of changesets.
    """
    for name, value in changes.items():
        if value.__class__ is cls:
            yield name, False, (value,)
        elif value.__class__ is tuple and value and value[0].__class__ is cls:
            yield name, True, value


def children(changes: Mapping[str, Any], cls: type[K]) -> Iterator[tuple[tuple[str | int, ...], K]]:
    """Give each changeset among changes with its path. What is replaced was in nobody's params, and has none."""
    for name, many, entries in nested(changes, cls):
        for position, child in enumerate(shown(entries)):
            yield (name, position) if many else (name,), child


def shown(entries: tuple[K, ...]) -> list[K]:
    """Return the changesets of entries that somebody gave: those that are not replaced."""
    return [child for child in entries if getattr(child, "action", None) != "replace"]


def all_valid(changes: Mapping[str, Any], cls: type[Any]) -> bool:
    """Whether no changeset among changes was refused."""
    return all(child.valid for _, _, entries in nested(changes, cls) for child in entries)


def merged(
    own: dict[str, list[object]], changes: Mapping[str, Any], cls: type[Any], walk: Callable[[Any], dict[str, Any]]
) -> dict[str, Any]:
    """Return what a changeset says by field, with what those inside it say: `{}` stands for one that says nothing.

    A relation all of whose changesets say nothing is left out. What is said of the relation itself stands behind.
    """
    found: dict[str, Any] = {**own}
    for name, many, entries in nested(changes, cls):
        said = [walk(child) for child in shown(entries)]
        if any(said):
            if many or name in own:
                found[name] = [*said, *own.get(name, ())]
            else:
                found[name] = said[0]
    return found

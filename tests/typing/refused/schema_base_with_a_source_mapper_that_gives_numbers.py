from __future__ import annotations

from ectype import Schema


def size(name: str) -> int:
    return len(name)


class App(Schema, abstract=True, source_mapper=size):  # refused by pyright
    """A base."""

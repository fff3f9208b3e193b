from __future__ import annotations

from ectype import Multi, Step
from tests.typing.accepted.library import Book


def built() -> Multi:
    return Multi().all(Step[list[str]]("titles"), Book)  # refused

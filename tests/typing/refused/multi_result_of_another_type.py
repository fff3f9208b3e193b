from __future__ import annotations

from ectype import Results, Step
from tests.typing.accepted.library import Shelf, Book


def used(done: Results, shelf: Step[Shelf]) -> Book:
    return done[shelf]  # refused

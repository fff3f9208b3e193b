from __future__ import annotations

from ectype import Range, fn
from tests.typing.accepted.types import Page

fn.adjacent(Page.open, Range(1, 5))  # refused

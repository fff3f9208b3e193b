from __future__ import annotations

from ectype import Range
from tests.typing.accepted.types import Page

Page.open.overlaps(Range(1, 5))  # refused

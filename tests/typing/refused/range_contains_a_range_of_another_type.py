from __future__ import annotations

from ectype import Range
from tests.typing.accepted.types import Page

Page.open.contains(Range(1, 5))  # refused

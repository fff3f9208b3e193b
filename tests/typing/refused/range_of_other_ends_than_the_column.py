from __future__ import annotations

from ectype import Range
from tests.typing.accepted.types import Page

Page(key="k", slug="a", noted="b", email="c", open=Range(1, 5))  # refused

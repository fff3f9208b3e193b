from __future__ import annotations

from tests.typing.accepted.types import Page

Page.open.contains(3)  # refused

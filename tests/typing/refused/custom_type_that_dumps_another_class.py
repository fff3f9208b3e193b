from __future__ import annotations

from tests.typing.accepted.types import Slug


class Numbered(Slug):
    def dump(self, value: str) -> int:  # refused
        return len(value)

from __future__ import annotations

from ectype import CustomType


class Slug(CustomType[str, str]):
    def cast(self, value: object) -> str:  # refused
        return str(value)

from __future__ import annotations

from ectype import sandbox


async def a_test(url: str) -> None:
    sandbox(url)  # refused

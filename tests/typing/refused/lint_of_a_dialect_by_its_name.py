from __future__ import annotations

from ectype.migrations.lint.checking import lint


async def look() -> None:
    await lint("migrations", dialect="sqlite")  # refused

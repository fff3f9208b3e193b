from __future__ import annotations

from ectype import Repo, migrations


async def resolve(repo: Repo) -> None:
    await migrations.resolve(repo, 1, "undone")  # refused

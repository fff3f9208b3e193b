from __future__ import annotations

from ectype import Multi, Repo


async def work(repo: Repo) -> None:
    await repo.transact(Multi(), isolation="snapshot")  # refused

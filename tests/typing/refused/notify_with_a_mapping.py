from __future__ import annotations

from ectype import Repo


async def work(repo: Repo) -> None:
    await repo.notify("works", {"id": 1})  # refused

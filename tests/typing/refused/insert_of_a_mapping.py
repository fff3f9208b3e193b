from __future__ import annotations

from ectype import Repo


async def work(repo: Repo) -> None:
    await repo.insert({"title": "a"})  # refused

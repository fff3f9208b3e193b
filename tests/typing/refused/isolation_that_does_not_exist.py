from __future__ import annotations

from ectype import Repo


async def work(repo: Repo) -> None:
    repo.transaction(isolation="repeatable_read")  # refused

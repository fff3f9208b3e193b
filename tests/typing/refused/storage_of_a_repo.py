from __future__ import annotations

from ectype import Repo
from ectype.migrations import storage


async def make(repo: Repo) -> None:
    await storage.create(repo)  # refused

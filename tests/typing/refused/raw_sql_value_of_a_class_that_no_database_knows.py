from __future__ import annotations

from ectype import Repo


async def work(repo: Repo) -> None:
    await repo.query("select {}", 1j)  # refused

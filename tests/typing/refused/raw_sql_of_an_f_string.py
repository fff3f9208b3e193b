from __future__ import annotations

from ectype import Repo


async def work(repo: Repo, name: str) -> None:
    await repo.query(f"select * from books where title = '{name}'")  # refused by pyright

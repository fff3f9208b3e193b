from __future__ import annotations

from ectype import Repo, migrations


async def migrate(repo: Repo) -> None:
    await migrations.migrate(repo, force=True)  # refused

from __future__ import annotations

from ectype import Repo, sandbox


async def a_test(repo: Repo) -> None:
    sandbox(repo, isolation="serialisable")  # refused

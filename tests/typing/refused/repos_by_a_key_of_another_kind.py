from __future__ import annotations

from ectype import Repo, Repos


def made(tenant: int) -> Repo:
    return Repo(f"sqlite:///{tenant}.db")


async def work() -> None:
    async with Repos(made).use("acme"):  # refused
        pass

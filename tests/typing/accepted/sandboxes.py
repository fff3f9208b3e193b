"""Tests in the sandbox: owners, allowances, headers, and what is said of a test's statements."""

from __future__ import annotations

import asyncio
from typing import assert_type

from ectype import Owner, Repo, sandbox
from ectype.testing import Queries, assert_no_n_plus_one, assert_queries
from tests.typing.accepted.schemas import Artist


async def a_test(repo: Repo, background: asyncio.Task[None]) -> None:
    async with sandbox(repo, shared=False, isolation="repeatable read", timeout=60, name="a test") as owner:
        assert_type(owner, Owner)
        assert_type(owner.isolation, str)
        assert_type(owner.header(), str)
        owner.allow(background)
        owner.allow("mailer", reassign=True)
        with owner.active():
            assert_type(await repo.get(Artist, 1), Artist | None)
        with assert_queries(repo, max=3) as queries:
            assert_type(queries, Queries)
            assert_type(queries.statements, list[str])
        with assert_no_n_plus_one(repo), assert_no_n_plus_one(repo, max=5):
            await repo.all(Artist)


async def another_test(repo: Repo) -> None:
    async with sandbox(repo):
        await repo.all(Artist)


def a_repo(url: str) -> Repo:
    return Repo(url, sandbox=True)

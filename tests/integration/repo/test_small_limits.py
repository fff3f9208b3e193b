"""A SQLite that was built with small limits: the repo asks how many values a statement takes, and keeps to it."""

import shutil
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ectype import Repo, fn, from_, literal, replace
from tests.integration.repo.blog import Comment, Post, Tag, User

LIMIT = 99
"""Values of one statement; builds with 999 are about, and 99 is sooner reached."""
MANY = 700


@pytest.fixture
async def small(sqlite_blog: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Repo]:
    connect = sqlite3.connect

    def limited(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        made = connect(*args, **kwargs)
        made.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, LIMIT)
        return made

    monkeypatch.setattr(sqlite3, "connect", limited)
    file = shutil.copy(sqlite_blog, tmp_path / "small.db")
    async with Repo(f"sqlite:///{file}", pool_size=2) as repo:
        assert repo.adapter.dialect.max_params == LIMIT
        yield repo


async def test_more_rows_than_a_statement_takes_values_are_written_read_and_preloaded(small: Repo):
    """B3 row 62."""
    ada = await small.insert(User(name="Ada", email="ada"))
    posts: list[Any] = [{"title": str(number), "author_id": ada.id, "meta": {}, "tags": []} for number in range(MANY)]
    keys = await small.insert_all(Post, posts, timestamps=True, returning=Post.id)
    assert len(keys) == MANY
    await small.insert_all(Comment, [{"body": fn.lower(literal("X")), "post_id": key} for key in keys])
    await small.insert_all(
        Tag, [{"name": str(number % 10), "color": "red"} for number in range(MANY)],
        on_conflict=replace(Tag.color), conflict_target=Tag.name,
    )  # fmt: skip
    assert await small.aggregate(Tag, fn.count()) == 10
    found = await small.all(from_(Post).where(Post.id.in_(keys)).preload(Post.comments, Post.author))
    assert [len(post.comments) for post in found] == [1] * MANY
    assert {post.author.name for post in found} == {"Ada"}
    assert len(await small.reload(found)) == MANY
    assert await small.update_all(from_(Post).where(Post.id.in_(keys)), Post.score.set(3)) == MANY
    assert await small.delete_all(from_(Comment).where(Comment.post_id.in_(keys))) == MANY

"""The comment that each statement of a repo ends with: static, encoded, and seen by the database."""

from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectype import ConfigError, Repo, change, fn, from_, replace
from ectype.sql.comment import sql_comment
from ectype.telemetry import QueryEvent
from tests.integration.repo.blog import LogLine, Post, Seat, Tag, User

COMMENT = " /*application='shop',route='%2Fposts'*/"
TAGS = {"route": "/posts", "application": "shop"}


async def test_every_statement_ends_with_the_comment(blog_url: str, events: list[QueryEvent]) -> None:
    async with Repo(blog_url, sql_comment=TAGS) as repo:
        for _ in range(2):
            ada = await repo.insert(User(name="Ada", email="ada", posts=[Post(title="x")]))
            await repo.update(change(ada, User.name.set("b")))
            await repo.get(User, ada.id)
            await repo.all(from_(User).preload(User.posts))
            await repo.exists(User)
            await repo.aggregate(User, fn.count())
            await repo.insert_all(LogLine, [{"line": "a"}, {"line": "b", "level": 3}])
            await repo.insert_all(Seat, [{"room": "A", "number": number} for number in range(3)])
            await repo.upsert(Tag(name="a"), on_conflict=replace(Tag.color), conflict_target=Tag.name)
            await repo.update_all(Tag, Tag.color.set("x"), returning=Tag.name)
            assert (await repo.query("select 1")).rows == [(1,)]
            await repo.query("select name, color from {}", Tag, into=Tag)
            await repo.delete_all(Seat)
            await repo.delete_all(Post)
            await repo.delete(ada)
        assert repo.to_sql(from_(Tag))[0].endswith(COMMENT)
    assert len(events) >= 32
    assert [event.sql for event in events if not event.sql.endswith(COMMENT)] == []
    assert [event.sql for event in events if event.sql.count("/*") != 1] == []


@pytest.mark.postgres
async def test_the_server_sees_the_comment(postgres_url: str) -> None:
    async with Repo(postgres_url, sql_comment=TAGS) as repo:
        seen = await repo.query("select query from pg_stat_activity where pid = pg_backend_pid()")
    assert seen.rows[0][0].endswith(COMMENT)


async def test_without_tags_there_is_no_comment(repo: Repo, events: list[QueryEvent]) -> None:
    await repo.all(Tag)
    assert "/*" not in events[0].sql


@given(st.dictionaries(st.text(min_size=1), st.text(), max_size=4))
def test_no_text_ends_the_comment_or_is_lost(tags: dict[str, str]) -> None:
    text = sql_comment(tags)
    if not tags:
        assert text == ""
        return
    assert text.startswith(" /*")
    assert text.endswith("*/")
    inside = text[3:-2]
    assert not set(inside) & set("*/\\?$;\n\0 ")
    pairs = [pair.split("='") for pair in inside.split(",")]
    assert [unquote(key) for key, _ in pairs] == sorted(tags)
    assert {unquote(key): unquote(value[:-1]) for key, value in pairs} == tags


@pytest.mark.parametrize("tags", [{"a": 1}, {1: "a"}, {"": "x"}, {"a": None}])
def test_tags_that_are_no_text_are_refused(tags: Any) -> None:
    with pytest.raises(ConfigError, match="sql_comment"):
        Repo("sqlite:///:memory:", sql_comment=tags)

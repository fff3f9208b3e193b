"""`update_all` and `delete_all` over joins and CTEs, and what comes back of each row."""

from datetime import UTC, datetime

import pytest

from ectype import QueryError, Repo, UnsupportedError, alias, cte, fn, from_, only, subquery
from ectype.query.ast import steps
from tests.integration.repo.blog import Card, Comment, LogLine, Post, PostLine, Seat, Tag, User

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
async def users(repo: Repo) -> list[User]:
    rows = [
        {"name": name, "email": name.lower(), "role": "member", "age": age, "inserted_at": NOW, "updated_at": NOW}
        for name, age in (("Ada", 36), ("Bo", None), ("Cy", 20))
    ]
    return await repo.insert_all(User, [{**row, "role": User(name="", email="").role} for row in rows], returning=User)


@pytest.fixture
async def posts(repo: Repo, users: list[User]) -> list[Post]:
    rows = [
        {"title": f"t{n}", "score": n, "author_id": users[n % 2].id, "inserted_at": NOW, "updated_at": NOW}
        for n in range(4)
    ]
    found = await repo.insert_all(Post, rows, returning=Post)
    await repo.insert_all(Comment, [{"body": f"c{n}", "post_id": found[n].id} for n in (0, 0, 3)])
    return found


async def scores(repo: Repo) -> list[int]:
    return await repo.all(from_(Post).order_by(Post.id).select(Post.score))


async def test_an_update_joins_what_it_needs(repo: Repo, users: list[User], posts: list[Post]):
    query = from_(Post).join(Post.author).where(User.name == "Ada")
    assert await repo.update_all(query, Post.score.inc(10), Post.slug.set(fn.concat(User.name, Post.title))) == 2
    assert await scores(repo) == [10, 1, 12, 3]
    assert await repo.all(from_(Post).order_by(Post.id).select(Post.slug)) == ["Adat0", None, "Adat2", None]
    # A row that is joined twice is changed once.
    assert await repo.update_all(from_(Post).join(Post.comments), Post.score.inc(100)) == 2
    assert await scores(repo) == [110, 1, 12, 103]
    # Timestamps are not touched.
    assert set(await repo.all(from_(Post).select(Post.updated_at))) == {NOW}


async def test_an_update_may_join_more_than_one_table_and_some_of_them_outer(
    repo: Repo, users: list[User], posts: list[Post]
):
    me = alias(Post, "me")
    silent = from_(Post).join(me, on=me.id == Post.id).left_join(me.comments).where(Comment.id.is_null())
    assert await repo.update_all(silent, Post.score.set(-1)) == 2
    assert await scores(repo) == [0, -1, -1, 3]
    both = from_(Post).join(Post.author).join(Post.comments).where(User.name == "Bo")
    assert await repo.update_all(both, Post.score.set(0)) == 1
    assert await scores(repo) == [0, -1, -1, 0]


async def test_a_delete_joins_what_it_needs(repo: Repo, users: list[User], posts: list[Post]):
    query = from_(Comment).join(Comment.post).join(Post.author).where(User.name == "Ada")
    assert await repo.delete_all(query) == 2
    assert await repo.all(from_(Comment).select(Comment.body)) == ["c3"]
    assert await repo.delete_all(from_(Comment).join(Comment.post).where(Post.score == 3), returning=Comment.body) == [
        "c3"
    ]
    assert not await repo.exists(Comment)


async def test_a_delete_over_joins_works_for_every_kind_of_key(repo: Repo):
    await repo.insert_all(Tag, [{"name": "a", "color": "red"}, {"name": "b", "color": "blue"}])
    await repo.insert_all(Seat, [{"room": room, "number": n} for room in "ab" for n in (1, 2)])
    lines = [{"line": "a", "level": 1}, {"line": "a", "level": 1}, {"line": "b", "level": 1}]
    await repo.insert_all(LogLine, lines)
    on_red = Tag.color == "red"
    assert await repo.delete_all(from_(LogLine).join(Tag, on=Tag.name == LogLine.line).where(on_red)) == 2
    assert await repo.delete_all(from_(Seat).join(Tag, on=Tag.name == Seat.room).where(on_red, Seat.number == 2)) == 1
    assert await repo.all(from_(Seat).order_by(Seat.room, Seat.number).select(Seat.room, Seat.number)) == [
        ("a", 1), ("b", 1), ("b", 2),
    ]  # fmt: skip
    assert await repo.all(from_(LogLine).select(LogLine.line)) == ["b"]


async def test_the_rows_of_a_select_come_back(repo: Repo, users: list[User], posts: list[Post]):
    mine = from_(Post).join(Post.author).where(User.name == "Ada")
    assert sorted(await repo.update_all(mine.select(Post.title), Post.score.inc(1))) == ["t0", "t2"]
    assert sorted(await repo.update_all(mine.select(Post.title, Post.score * 2), Post.score.inc(1))) == [
        ("t0", 4), ("t2", 8),
    ]  # fmt: skip
    cards = await repo.update_all(mine.select_into(Card, Post.title, Post.score), Post.score.inc(1))
    assert sorted(cards, key=lambda card: card.title) == [Card("t0", 3), Card("t2", 5)]
    gone = await repo.delete_all(from_(Post).where(Post.title == "t1").select(Post.id, fn.lower(Post.title)))
    assert gone == [(posts[1].id, "t1")]


async def test_structs_come_back_when_they_are_asked_for(repo: Repo, users: list[User], posts: list[Post]):
    query = from_(Post).where(Post.title == "t2")
    (whole,) = await repo.update_all(query, Post.score.set(9), returning=True)
    assert isinstance(whole, Post)
    assert (whole.id, whole.score, whole.updated_at) == (posts[2].id, 9, NOW)
    lines = query.project(PostLine(title=Post.title, author=fn.coalesce(Post.slug, "?")))
    assert await repo.update_all(lines, Post.score.inc(1), returning=True) == [PostLine(title="t2", author="?")]
    assert await repo.update_all(query.select(Post.score), Post.score.inc(1), returning=True) == [11]
    assert await repo.update_all(query, Post.score.inc(1), returning=(Post.score,)) == [(12,)]
    await repo.delete_all(Comment)
    assert [one.title for one in await repo.delete_all(query, returning=True)] == ["t2"]
    for call in (
        lambda: repo.update_all(lines, Post.score.inc(1)),
        lambda: repo.delete_all(from_(Post).select(Post)),
    ):
        with pytest.raises(QueryError, match="unless it is asked for the structs"):
            await call()
    with pytest.raises(QueryError, match="got `returning` and a query that selects"):
        await repo.update_all(query.select(Post.id), Post.score.inc(1), returning=Post.id)


async def test_members_may_be_filled_over_the_structs_that_come_back(repo: Repo, users: list[User], posts: list[Post]):
    query = from_(Post).where(Post.title == "t2").select_merge(Post.slug.set(fn.upper(Post.title)))
    (found,) = await repo.update_all(query, Post.score.set(9), returning=True)
    assert (found.id, found.slug, found.score) == (posts[2].id, "T2", 9)
    with pytest.raises(QueryError, match="unless it is asked for the structs"):
        await repo.update_all(query, Post.score.set(9))
    (part,) = await repo.update_all(
        from_(Post).where(Post.title == "t2").select(only(Post.id)), Post.score.set(9), returning=True
    )
    assert part.id == posts[2].id
    named = (Post.score + 1).as_("more")
    top = from_(Post).select(named).order_by(named.desc()).limit(2)
    assert await repo.aggregate(top, fn.count()) == 2


async def test_what_comes_back_may_be_joined_where_the_database_can(repo: Repo, users: list[User], posts: list[Post]):
    query = from_(Post).join(Post.author).where(Post.title == "t1")
    if not repo.adapter.dialect.returning_joined:
        with pytest.raises(UnsupportedError, match="returns columns of the written table only") as caught:
            await repo.update_all(query, Post.score.inc(1), returning=(Post.title, User.name))
        assert "in one transaction" in str(caught.value)
        assert await repo.update_all(query, Post.score.inc(1), returning=Post.title) == ["t1"]
        return
    assert await repo.update_all(query, Post.score.inc(1), returning=(Post.title, User.name)) == [("t1", "Bo")]
    (pair,) = await repo.update_all(query.select(Post, User), Post.score.inc(1))
    assert pair[0].score == 3
    assert pair[1] == users[1]
    assert await repo.delete_all(query, returning=(User.name, User.inserted_at)) == [("Bo", NOW)]


async def test_rows_up_to_a_limit_are_written_through_a_subquery(repo: Repo, users: list[User], posts: list[Post]):
    best = subquery(from_(Post).order_by(Post.score.desc()).limit(2), "best")
    assert await repo.update_all(from_(Post).join(best, on=best.id == Post.id), Post.score.set(best.score * 10)) == 2
    assert await scores(repo) == [0, 1, 20, 30]
    await repo.delete_all(Comment)
    lowest = subquery(from_(Post).order_by(Post.score).limit(1), "lowest")
    assert await repo.delete_all(from_(Post).join(lowest, on=lowest.id == Post.id)) == 1
    assert await scores(repo) == [1, 20, 30]


async def test_a_cte_may_write_where_the_database_can(repo: Repo, users: list[User], posts: list[Post]):
    gone = cte(Comment, "gone")
    query = from_(Post).with_cte(gone, from_(Comment), delete=True).join(gone, on=gone.post_id == Post.id)
    if not repo.adapter.dialect.data_modifying_cte:
        with pytest.raises(UnsupportedError, match="SQLite has no CTE that writes"):
            await repo.update_all(query, Post.score.inc(1))
        assert await repo.aggregate(Comment, fn.count()) == 3
        return
    assert await repo.update_all(query, Post.score.inc(100)) == 2
    assert await scores(repo) == [100, 1, 2, 103]
    assert not await repo.exists(Comment)
    changed = cte(Post, "changed")
    moved = from_(changed).with_cte(changed, from_(Post).where(Post.score > 99), update=[Post.title.set("new")])
    rows = await repo.all(moved.order_by(changed.score).select(changed.title, changed.score))
    assert rows == [("new", 100), ("new", 103)]


async def test_the_text_of_a_write_is_the_one_that_is_sent(repo: Repo, users: list[User], posts: list[Post], events):
    query = from_(Post).join(Post.author).where(User.name == "Ada")
    shown = repo.to_sql(query, update=[Post.score.inc(1)])
    await repo.update_all(query, Post.score.inc(1))
    assert shown == (events[-1].sql, tuple(events[-1].params))
    shown = repo.to_sql(from_(Comment).where(Comment.body == "c0"), delete=True)
    await repo.delete_all(from_(Comment).where(Comment.body == "c0"))
    assert shown == (events[-1].sql, tuple(events[-1].params))
    pretty, params = repo.to_sql(query, update=[Post.score.inc(1)], pretty=True)
    assert pretty.splitlines()[1].startswith("SET ")
    assert params == ("Ada", 1)
    assert repo.to_sql(Post, delete=True)[0] == 'DELETE FROM "posts" AS "p0"'
    assert repo.to_sql(Post)[0].startswith("SELECT ")
    with pytest.raises(QueryError, match="`to_sql` shows one statement"):
        repo.to_sql(query, update=[Post.score.inc(1)], delete=True)  # type: ignore[call-overload]


async def test_one_plan_serves_every_value(repo: Repo, users: list[User], posts: list[Post]):
    def write(name: str, by: int):
        return repo.update_all(from_(Post).join(Post.author).where(User.name == name), Post.score.inc(by))

    assert await write("Ada", 1) == 2
    count = len(repo._engine.plans)
    assert await write("Bo", 5) == 2
    assert len(repo._engine.plans) == count
    assert await scores(repo) == [1, 6, 3, 8]
    assert [one.kind for one in steps(from_(Post).join(Post.author).node)] == ["from", "join"]

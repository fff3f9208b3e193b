"""Reads: one row, many rows, none; what a row of the database cannot be; and where the rows come from."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from ectype import (
    CastError,
    Field,
    MultipleResultsError,
    NoPrimaryKeyError,
    NoResultsError,
    QueryError,
    Repo,
    Schema,
    SchemaError,
    change,
    field,
    fn,
    from_,
    meta,
    primary_key,
    scalar,
    subquery,
)
from tests.integration.repo.blog import Comment, LogLine, Post, PostLine, Sample, Seat, Tag, User

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
async def users(repo: Repo) -> list[User]:
    rows = [
        {"name": name, "email": name.lower(), "role": "member", "age": age}
        for name, age in (("Ada", 36), ("Bo", None), ("Cy", 20))
    ]
    made = [User(**{**row, "role": User(name="", email="").role}) for row in rows]
    await repo.insert_all(User, made, timestamps=True)
    return await repo.all(from_(User).order_by(User.name))


@pytest.fixture
async def posts(repo: Repo, users: list[User]) -> list[Post]:
    return await repo.insert_all(
        Post,
        [
            {"title": f"t{number}", "score": number, "author_id": users[number % 2].id, "price": Decimal(number)}
            for number in range(5)
        ],
        timestamps=True,
        returning=Post,
    )


async def test_get_gives_the_struct_or_none(repo: Repo, users: list[User]):
    assert await repo.get(User, users[1].id) == users[1]
    assert await repo.get(User, -1) is None
    assert await repo.get_or_raise(User, users[1].id) == users[1]
    with pytest.raises(NoResultsError) as caught:
        await repo.get_or_raise(User, -1)
    assert str(caught.value).startswith("no row was found: User with the key -1")
    assert meta(users[0]).state == "loaded"


async def test_get_takes_a_query_and_looks_among_its_rows(repo: Repo, users: list[User], posts: list[Post]):
    adults = from_(User).where(User.age > 30)
    assert await repo.get(adults, users[0].id) == users[0]
    assert await repo.get(adults, users[2].id) is None
    loaded = await repo.get(from_(User).preload(User.posts), users[1].id)
    assert loaded is not None
    assert [post.title for post in loaded.posts] == ["t1", "t3"]


async def test_a_composite_key_is_a_tuple_in_order_of_declaration(repo: Repo):
    # Ecto's `get` takes no composite keys.
    await repo.insert_all(Seat, [{"room": "A", "number": number} for number in (1, 2)])
    assert await repo.get(Seat, ("A", 2)) == Seat(room="A", number=2)
    assert await repo.get(Seat, ("A", 3)) is None
    for wrong in ("A", ("A",), ("A", 1, 2), ["A", 1]):
        with pytest.raises(QueryError) as caught:
            await repo.get(Seat, wrong)
        assert str(caught.value) == (
            f"the primary key of Seat is (room, number), got {wrong!r}\n\nhint: pass a tuple of 2 values in this order"
        )


async def test_a_key_of_none_or_of_the_wrong_type_is_refused_before_anything_is_sent(repo: Repo, users, events):
    await repo.get(User, 1)
    del events[:]
    for model, key in ((User, None), (Tag, None), (Seat, ("A", None))):
        with pytest.raises(QueryError) as caught:
            await repo.get(model, key)
        assert str(caught.value).startswith(f"`get` needs the primary key of {model.__name__}, got None")
    for model, key in ((User, "1"), (User, True), (Tag, 1), (User, (1,))):
        with pytest.raises(CastError) as wrong:
            await repo.get(model, key)
        assert f"in the primary key of {model.__name__}" in wrong.value.__notes__[0]
    with pytest.raises(NoPrimaryKeyError) as without:
        await repo.get(LogLine, 1)
    assert str(without.value) == "LogLine has no primary key\n\nhint: use `get_by` with a condition"
    assert events == []


async def test_one_gives_the_only_row_and_refuses_two(repo: Repo, users: list[User]):
    assert await repo.one(from_(User).where(User.name == "Ada")) == users[0]
    assert await repo.one(from_(User).where(User.name == "Zoe")) is None
    assert await repo.one_or_raise(from_(User).where(User.name == "Ada")) == users[0]
    for read in (repo.one, repo.one_or_raise):
        with pytest.raises(MultipleResultsError) as caught:
            await read(from_(User).where(User.name < "C"))
        assert str(caught.value) == (
            "at most one row was expected, got 2: from_(User).where(User.name < 'C')\n\n"
            "hint: filter by a unique column, use `repo.all`, or add `.limit(1)` if any row will do"
        )
    with pytest.raises(NoResultsError) as none:
        await repo.one_or_raise(from_(User).where(User.name == "Zoe"))
    assert str(none.value) == (
        "no row was found: from_(User).where(User.name == 'Zoe')\n\n"
        "hint: where it may be missing, leave `_or_raise` out"
    )


async def test_a_row_whose_value_is_null_is_a_row(repo: Repo, users: list[User]):
    age = from_(User).where(User.name == "Bo").select(User.age)
    assert await repo.one_or_raise(age) is None
    assert await repo.one(age) is None


async def test_get_by_gives_the_only_row_for_which_all_holds(repo: Repo, users: list[User]):
    assert await repo.get_by(User, User.name == "Cy", User.age == 20) == users[2]
    assert await repo.get_by(User, User.name == "Cy", User.age == 21) is None
    assert await repo.get_by_or_raise(User, User.age.is_null()) == users[1]
    with pytest.raises(NoResultsError, match=r"from_\(User\)\.where\(User\.name == 'Zoe'\)"):
        await repo.get_by_or_raise(User, User.name == "Zoe")
    with pytest.raises(MultipleResultsError):
        await repo.get_by(User, User.age.is_not_null())
    for read in (repo.get_by, repo.get_by_or_raise):
        with pytest.raises(QueryError, match="`get_by` needs a condition"):
            await read(User)


async def test_a_bare_schema_is_all_its_rows(repo: Repo, users: list[User]):
    assert sorted(await repo.all(User), key=lambda one: one.name) == users
    assert await repo.exists(User)
    assert not await repo.exists(Tag)
    assert await repo.one(Tag) is None
    with pytest.raises(NoResultsError):
        await repo.one_or_raise(Tag)
    with pytest.raises(QueryError, match="PostLine has no table"):
        await repo.all(PostLine)


async def test_a_struct_is_not_taken_for_its_schema(repo: Repo, users: list[User], events):
    for wrong in (users[0], 3, "users", None):
        for call in (repo.all, repo.one, repo.exists, repo.delete_all):
            with pytest.raises(QueryError, match="`from_` takes a schema, got"):
                await call(wrong)
        with pytest.raises(QueryError):
            await repo.get(wrong, 1)
        with pytest.raises(SchemaError, match="a schema class was expected, got"):
            await repo.insert_all(wrong, [])
    with pytest.raises(QueryError, match="a select takes expressions and schemas, got User"):
        from_(User).select(users[0])
    assert events == []
    assert await repo.delete_all(User) == 3


async def test_exists_asks_whether_a_query_has_a_row_whatever_it_is(repo: Repo, posts: list[Post]):
    assert await repo.exists(from_(Post).where(Post.score == 3))
    assert not await repo.exists(from_(Post).where(Post.score == 99))
    assert await repo.exists(from_(Post).order_by(Post.id).limit(1))
    assert not await repo.exists(from_(Post).offset(5))
    assert await repo.exists(from_(Post).group_by(Post.author_id).having(fn.count() > 2).select(Post.author_id))
    assert not await repo.exists(from_(Post).group_by(Post.author_id).having(fn.count() > 3).select(Post.author_id))
    assert await repo.exists(from_(Post).preload(Post.author))


async def test_aggregate_is_over_the_rows_of_the_query(repo: Repo, users: list[User], posts: list[Post]):
    assert await repo.aggregate(Post, fn.count()) == 5
    assert await repo.aggregate(Post, fn.max(Post.score)) == 4
    assert await repo.aggregate(Post, fn.sum(Post.price)) == Decimal(10)
    assert await repo.aggregate(from_(Post).where(Post.score > 2), fn.min(Post.score)) == 3
    assert await repo.aggregate(from_(Post).where(Post.score > 9), fn.sum(Post.score)) is None
    assert await repo.aggregate(from_(Post).where(Post.score > 9), fn.count(Post.id)) == 0
    assert await repo.aggregate(from_(Post).join(Post.author).where(User.name == "Ada"), fn.sum(Post.score)) == 6
    top = from_(Post).order_by(Post.score.desc()).limit(2)
    assert await repo.aggregate(top, fn.sum(Post.score)) == 7
    assert await repo.aggregate(top, fn.count()) == 2
    assert await repo.aggregate(from_(Post).offset(4), fn.count()) == 1
    assert await repo.aggregate(from_(Post).order_by(Post.title), fn.count()) == 5
    assert await repo.aggregate(from_(Post).distinct(), fn.count()) == 5
    both = subquery(from_(Post).where(Post.score == 1).union(from_(Post).where(Post.score > 2)), "both")
    assert await repo.aggregate(from_(both), fn.sum(both.score)) == 8
    last = subquery(from_(Post).order_by(Post.score.desc()).limit(3), "last")
    assert await repo.aggregate(from_(last), fn.min(last.score)) == 2


async def test_what_cannot_be_aggregated_is_refused_with_the_fix(repo: Repo):
    with pytest.raises(QueryError, match="`aggregate` takes an aggregate, got"):
        await repo.aggregate(Post, Post.score)
    with pytest.raises(QueryError, match=r"the rows of the query, and those have no `Post.title`") as caught:
        await repo.aggregate(from_(Post).select(Post.score), fn.max(Post.title))
    assert "hint: select it: `query.select(Post.title)`" in str(caught.value)
    with pytest.raises(QueryError, match=r"`Post\.score`, which is neither grouped nor aggregated"):
        await repo.aggregate(from_(Post).group_by(Post.author_id), fn.max(Post.score))
    inner = scalar(from_(Comment).select(fn.count()))
    with pytest.raises(QueryError, match="takes no further subquery"):
        await repo.aggregate(from_(Post).limit(3), fn.max(inner))


async def test_aggregate_is_over_what_a_query_that_chooses_gives(repo: Repo, users: list[User], posts: list[Post]):
    newest = from_(Post).join(Post.author).order_by(Post.score.desc()).limit(3)
    assert await repo.aggregate(newest, fn.sum(Post.score)) == 9
    assert await repo.aggregate(newest, fn.count()) == 3
    assert await repo.aggregate(newest, fn.count(User.id, distinct=True)) == len(
        {one.author_id for one in await repo.all(newest)}
    )
    assert await repo.aggregate(newest, fn.sum(Post.score + 10)) == 39
    assert await repo.aggregate(newest.where(Post.score < 4), fn.count().filter(Post.score > 2)) == 1
    authors = from_(Post).group_by(Post.author_id)
    assert await repo.aggregate(authors, fn.count()) == len({post.author_id for post in posts})
    assert await repo.aggregate(authors, fn.max(Post.author_id)) == max(post.author_id for post in posts)
    assert await repo.aggregate(from_(Post).select(Post.author_id).distinct(), fn.count()) == len(
        {post.author_id for post in posts}
    )
    both = from_(Post).where(Post.score == 1).union_all(from_(Post).where(Post.score > 2))
    assert await repo.aggregate(both, fn.sum(Post.score)) == 8
    # Whole rows are distinct here, not what is counted of them.
    assert await repo.aggregate(from_(Post).distinct(), fn.count(Post.author_id)) == 5
    assert await repo.aggregate(from_(Seat).limit(1), fn.count()) == 0
    assert await repo.aggregate(from_(Post).where(Post.score > 2).preload(Post.author), fn.count()) == 2
    assert await repo.aggregate(from_(Post).order_by(Post.score).select(Post.score), fn.min(Post.score)) == 0


class Loose(Schema, table="loose"):
    """A table that does not keep what its schema says."""

    id: Field[int] = primary_key()
    name: Field[str]
    flag: Field[bool]
    seen: Field[datetime]
    meta: Field[dict[str, Any]]
    note: Field[str | None] = field(default=None)


@pytest.fixture
async def loose(repo: Repo) -> AsyncIterator[Repo]:
    postgres = repo.adapter.dialect.name == "PostgreSQL"
    columns = "name text, flag boolean, seen timestamptz, meta jsonb" if postgres else "name, flag, seen, meta"
    await repo._session.script(f"CREATE TABLE loose (id integer PRIMARY KEY, {columns}, note text)")
    yield repo
    await repo._session.script("DROP TABLE loose")


@pytest.mark.parametrize("name", ["name", "flag", "seen", "meta"])
async def test_null_where_the_schema_says_never_is_an_error_that_names_the_column(loose: Repo, name):
    whole = {"id": 1, "name": "x", "flag": True, "seen": NOW, "meta": {}}
    await loose.insert_all(Loose, [whole])
    await loose.insert_all(Loose, [{**whole, "id": 2, name: None}])
    column = Loose.__schema__.source.columns[name]
    for query in (
        from_(Loose).order_by(Loose.id),
        from_(Loose).select(column, Loose.note),
        from_(Loose).select(Loose.id, column),
    ):
        with pytest.raises(CastError) as caught:
            await loose.all(query)
        assert str(caught.value) == (
            f"`Loose.{name}` is NULL in the database, and the schema says that it never is\n\n"
            "hint: give the column NOT NULL, or the field `| None`"
        )
    with pytest.raises(CastError, match=f"`Loose.{name}` is NULL"):
        await loose.delete_all(Loose, returning=column)


async def test_what_is_no_value_of_the_type_is_an_error_that_names_the_column(loose: Repo):
    await loose.insert_all(Loose, [{"id": 1, "name": "x", "flag": True, "seen": NOW, "meta": {}}])
    if loose.adapter.dialect.name == "PostgreSQL":
        await loose._session.script("UPDATE loose SET meta = '[1]'")
        column, got = "meta", "the database gave '[1]' (str), which is not a dict"
    else:
        await loose._session.script("UPDATE loose SET flag = 7")
        column, got = "flag", "the database gave 7 (int), which is not a boolean, stored as 0 or 1"
    with pytest.raises(CastError) as caught:
        await loose.all(Loose)
    assert str(caught.value) == got
    assert caught.value.__notes__ == [f"in the column `Loose.{column}`"]


@pytest.mark.postgres
@pytest.mark.parametrize("blog_url", ["postgres"], indirect=True)
async def test_times_beyond_what_python_knows_do_not_poison_the_other_rows(repo: Repo):
    await repo.insert(Sample(moment=NOW, day=date(2026, 11, 1)))
    await repo._session.script(
        "INSERT INTO samples (moment, day) VALUES ('infinity', '-infinity'), ('0044-03-15 BC', '0044-03-15 BC'),"
        " ('10000-01-01', '10000-01-01'), (NULL, NULL)"
    )
    found = await repo.all(from_(Sample).order_by(Sample.id).select(Sample.moment, Sample.day))
    assert found[0] == (NOW, date(2026, 11, 1))
    assert found[4] == (None, None)
    assert [(str(moment), str(day)) for moment, day in found[1:4]] == [
        ("infinity", "-infinity"),
        ("0044-03-15 00:00:00+00 BC", "0044-03-15 BC"),
        ("10000-01-01 00:00:00+00", "10000-01-01"),
    ]
    assert [str(one.moment) for one in await repo.all(Sample)][1] == "infinity"
    back = await repo.update_all(Sample, Sample.text.set("x"), returning=Sample.moment)
    assert {str(one) for one in back} >= {"infinity", str(NOW)}


@pytest.mark.postgres
@pytest.mark.parametrize("blog_url", ["postgres"], indirect=True)
async def test_a_struct_from_another_schema_is_written_back_there(repo: Repo, blog_url: str):
    await repo._session.script(
        "CREATE SCHEMA tenant_x; CREATE TABLE tenant_x.tags (name text PRIMARY KEY, color text NOT NULL);"
        " CREATE TABLE tenant_x.users (LIKE users INCLUDING ALL);"
        " CREATE TABLE tenant_x.posts (LIKE posts INCLUDING ALL)"
    )
    try:
        await repo.insert(Tag(name="red", color="here"))
        made = await repo.insert(Tag(name="red", color="there"), prefix="tenant_x")
        read = await repo.get_or_raise(Tag, "red", prefix="tenant_x")
        (returned,) = await repo.update_all(Tag, Tag.color.set("there!"), returning=Tag, prefix="tenant_x")
        for struct in (made, read, returned, *await repo.all(Tag, prefix="tenant_x")):
            assert meta(struct).prefix == "tenant_x"
            await repo.update(change(struct, Tag.color.set("changed")))
            assert (await repo.get_or_raise(Tag, "red")).color == "here"
            await repo.update_all(Tag, Tag.color.set("x"), prefix="tenant_x")
        assert (await repo.get_or_raise(Tag, "red", prefix="tenant_x")).color == "x"
        assert (await repo.get_or_raise(Tag, "red")).color == "here"
        user = await repo.insert(User(name="Ada", email="a"), prefix="tenant_x")
        await repo.insert(Post(title="x", author_id=user.id), prefix="tenant_x")
        loaded = await repo.preload(user, User.posts)
        assert [(post.title, meta(post).prefix) for post in loaded.posts] == [("x", "tenant_x")]
        (queried,) = await repo.all(from_(User).preload(User.posts), prefix="tenant_x")
        assert queried.posts == loaded.posts
        await repo.delete(read)
        assert await repo.exists(Tag)
        assert not await repo.exists(Tag, prefix="tenant_x")
        async with Repo(blog_url, prefix="tenant_x") as other:
            assert await other.aggregate(User, fn.count()) == 1
            assert await other.insert_all(Tag, [{"name": "b", "color": "c"}]) == 1
        assert await repo.all(Comment) == []
        assert [tag.name for tag in await repo.all(Tag)] == ["red"]
    finally:
        await repo._session.script("DROP SCHEMA tenant_x CASCADE")

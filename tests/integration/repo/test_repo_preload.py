"""Preloads: one query a step, every parent its own, and never a change to what somebody holds."""

import asyncio

import pytest

from ectype import (
    BelongsTo,
    Field,
    HasMany,
    NotLoadedError,
    QueryError,
    Repo,
    Schema,
    SchemaError,
    belongs_to,
    field,
    from_,
    has_many,
    is_loaded,
    primary_key,
)
from tests.integration.repo.blog import Comment, Post, User


class Blog:
    """Two authors, four posts, five comments: Ada wrote `a0 a1 a2`, Bo wrote `b0` and edited `a0`."""

    def __init__(self, users: list[User], posts: list[Post]) -> None:
        self.ada, self.bo, self.cy = users
        self.posts = posts


@pytest.fixture
async def blog(repo: Repo) -> Blog:
    users = [await repo.insert(User(name=name, email=name, nickname=name)) for name in ("Ada", "Bo", "Cy")]
    ada, bo, _ = users
    posts = [
        await repo.insert(Post(title=title, score=score, author_id=author.id, editor_id=editor))
        for title, score, author, editor in (
            ("a0", 3, ada, bo.id),
            ("a1", 5, ada, None),
            ("a2", 4, ada, None),
            ("b0", 9, bo, None),
        )
    ]
    comments = [("c0", 0, ada), ("c1", 0, None), ("c2", 3, bo), ("c3", 1, ada), ("c4", 0, bo)]
    await repo.insert_all(
        Comment,
        [{"body": body, "post_id": posts[at].id, "user_id": by and by.id} for body, at, by in comments],
    )
    return Blog(users, posts)


def titles(user: User) -> list[str]:
    return [post.title for post in user.posts]


def bodies(post: Post) -> list[str]:
    return [comment.body for comment in post.comments]


async def test_has_many_gives_each_parent_its_own_and_a_childless_one_an_empty_list(repo: Repo, blog: Blog, events):
    ada, cy, bo = await repo.preload([blog.ada, blog.cy, blog.bo], User.posts)
    assert (titles(ada), titles(cy), titles(bo)) == (["a0", "a1", "a2"], [], ["b0"])
    assert len(events) == 1
    assert ada.posts[0] == blog.posts[0]


async def test_belongs_to_gives_the_owner_or_none(repo: Repo, blog: Blog, events):
    posts = await repo.preload(blog.posts, Post.author, Post.editor)
    assert [post.author.name for post in posts] == ["Ada", "Ada", "Ada", "Bo"]
    assert [post.editor and post.editor.name for post in posts] == ["Bo", None, None, None]
    assert len(events) == 2
    del events[:]
    nobody = await repo.preload(blog.posts[1:], Post.editor)
    assert [post.editor for post in nobody] == [None, None, None]
    # No key, no query.
    assert events == []


async def test_a_path_is_one_query_a_step_however_many_rows_there_are(repo: Repo, blog: Blog, events):
    query = from_(User).order_by(User.name).preload(User.posts / Post.comments / Comment.user, User.edited)
    ada, bo, cy = await repo.all(query)
    assert len(events) == 5
    assert [bodies(post) for post in ada.posts] == [["c0", "c1", "c4"], ["c3"], []]
    assert [comment.user and comment.user.name for comment in ada.posts[0].comments] == ["Ada", None, "Bo"]
    assert [bodies(post) for post in bo.posts] == [["c2"]]
    assert [post.title for post in bo.edited] == ["a0"]
    assert cy.posts == []
    del events[:]
    await repo.insert_all(Post, [{"title": "x", "author_id": blog.cy.id}] * 30, timestamps=True)
    await repo.all(query)
    assert len(events) == 6


async def test_paths_with_equal_beginnings_are_one_path(repo: Repo, blog: Blog, events):
    ada = await repo.preload(blog.ada, User.posts, User.posts / Post.comments, User.posts / Post.editor)
    assert len(events) == 3
    assert bodies(ada.posts[0]) == ["c0", "c1", "c4"]
    assert ada.posts[0].editor == blog.bo
    del events[:]
    await repo.preload(blog.ada, User.posts.where(Post.score > 3), User.posts.where(Post.score > 3) / Post.comments)
    assert len(events) == 2


async def test_two_ways_to_narrow_one_step_are_refused_with_both(repo: Repo, blog: Blog, events):
    for first, second in (
        (User.posts.where(Post.score > 3), User.posts.where(Post.score > 4)),
        (User.posts.where(Post.score > 3), User.posts.where(Post.title == "x")),
        (User.posts.limit(1), User.posts.limit(2) / Post.comments),
        (User.posts.order_by(Post.score), User.posts.order_by(Post.score.desc())),
    ):
        for read in (
            lambda a, b: repo.preload(blog.ada, a, b),
            lambda a, b: repo.all(from_(User).where(User.id == blog.ada.id).preload(a, b)),
        ):
            with pytest.raises(QueryError, match=r"`User\.posts` is customised in two ways in one preload"):
                await read(first, second)
    with pytest.raises(QueryError) as caught:
        await repo.preload(blog.ada, User.posts.where(Post.score > 3).limit(2), User.posts.order_by(Post.id.desc()))
    assert "`User.posts.where(Post.score > 3).limit(2)` and `User.posts.order_by(Post.id.desc())`" in str(caught.value)


async def test_duplicates_and_missing_owners_take_nothing_from_each_other(repo: Repo, blog: Blog):
    first, second, none, other = await repo.preload([blog.ada, blog.ada, None, blog.bo], User.posts)
    assert titles(first) == titles(second) == ["a0", "a1", "a2"]
    assert none is None
    assert titles(other) == ["b0"]
    first.posts.append("mine")
    assert titles(second) == ["a0", "a1", "a2"]


async def test_what_is_passed_in_is_never_changed(repo: Repo, blog: Blog):
    ada = await repo.preload(blog.ada, User.posts)
    assert not is_loaded(blog.ada, User.posts)
    with pytest.raises(NotLoadedError):
        _ = blog.ada.posts
    deeper = await repo.preload(ada, User.posts / Post.comments)
    assert [is_loaded(post, Post.comments) for post in deeper.posts] == [True] * 3
    assert [is_loaded(post, Post.comments) for post in ada.posts] == [False] * 3
    assert ada == deeper == blog.ada


async def test_none_and_no_rows_need_no_query(repo: Repo, blog: Blog, events):
    assert await repo.preload(None, User.posts) is None
    assert await repo.preload([], User.posts) == []
    assert await repo.preload([None, None], User.posts) == [None, None]
    assert await repo.all(from_(User).where(User.name == "Zoe").preload(User.posts)) == []
    assert len(events) == 1


async def test_what_is_loaded_is_kept_until_force_says_otherwise(repo: Repo, blog: Blog, events):
    ada = await repo.preload(blog.ada, User.posts)
    await repo.delete_all(from_(Comment))
    await repo.delete_all(from_(Post).where(Post.title == "a0"))
    del events[:]
    assert titles(await repo.preload(ada, User.posts)) == ["a0", "a1", "a2"]
    assert events == []
    mixed = await repo.preload([ada, blog.bo], User.posts)
    assert [titles(user) for user in mixed] == [["a0", "a1", "a2"], ["b0"]]
    assert len(events) == 1
    assert titles(await repo.preload(ada, User.posts, force=True)) == ["a1", "a2"]


async def test_where_order_and_limit_narrow_each_parents_list(repo: Repo, blog: Blog):
    async def of(path) -> list[list[str]]:
        return [titles(user) for user in await repo.preload([blog.ada, blog.bo, blog.cy], path)]

    assert await of(User.posts.where(Post.score > 3)) == [["a1", "a2"], ["b0"], []]
    assert await of(User.posts.where(Post.score > 3, Post.title != "a1")) == [["a2"], ["b0"], []]
    assert await of(User.posts.order_by(Post.score.desc())) == [["a1", "a2", "a0"], ["b0"], []]
    # A limit counts for each parent; in Ecto it is one for all of them.
    assert await of(User.posts.limit(2)) == [["a0", "a1"], ["b0"], []]
    assert await of(User.posts.limit(0)) == [[], [], []]
    assert await of(User.posts.order_by(Post.score.desc()).limit(1)) == [["a1"], ["b0"], []]
    assert await of(User.posts.where(Post.score < 5).order_by(Post.title.desc()).limit(1)) == [["a2"], [], []]


async def test_rows_that_are_equal_in_the_order_come_by_their_key(repo: Repo, blog: Blog):
    await repo.update_all(Post, Post.score.set(1))
    for _ in range(3):
        (ada,) = await repo.preload([blog.ada], User.posts.order_by(Post.score).limit(2))
        assert titles(ada) == ["a0", "a1"]


async def test_a_narrowed_step_goes_on(repo: Repo, blog: Blog, events):
    path = User.posts.order_by(Post.score.desc()).limit(2) / Post.comments.where(Comment.body != "c3") / Comment.user
    ada = await repo.preload(blog.ada, path)
    assert [(post.title, bodies(post)) for post in ada.posts] == [("a1", []), ("a2", [])]
    assert len(events) == 2
    narrowed = await repo.preload(blog.posts, Post.author.where(User.name == "Bo"))
    assert [post.author and post.author.name for post in narrowed] == [None, None, None, "Bo"]


async def test_a_narrowed_preload_over_a_loaded_association_is_refused_with_the_fix(repo: Repo, blog: Blog):
    ada = await repo.preload(blog.ada, User.posts)
    with pytest.raises(QueryError) as caught:
        await repo.preload([ada, blog.bo], User.posts.where(Post.score > 3))
    assert str(caught.value) == (
        "`User.posts` is loaded already, so it would not be narrowed\n\n"
        "hint: load it anew: `await repo.preload(rows, …, force=True)`"
    )
    forced = await repo.preload([ada, blog.bo], User.posts.where(Post.score > 3), force=True)
    assert [titles(user) for user in forced] == [["a1", "a2"], ["b0"]]


async def test_rows_of_the_transaction_are_seen(repo: Repo, blog: Blog):
    async with repo.transaction() as tx:
        await repo.insert(Post(title="new", author_id=blog.cy.id))
        assert titles(await repo.preload(blog.cy, User.posts)) == ["new"]
        (cy,) = await repo.all(from_(User).where(User.id == blog.cy.id).preload(User.posts / Post.author))
        assert cy.posts[0].author == blog.cy
        tx.rollback()
    assert titles(await repo.preload(blog.cy, User.posts)) == []


async def test_many_preloads_at_once_do_not_disturb_each_other(repo: Repo, blog: Blog):
    found = await asyncio.gather(*(repo.preload(blog.ada, User.posts / Post.comments) for _ in range(20)))
    assert {tuple(titles(user)) for user in found} == {("a0", "a1", "a2")}


async def test_what_cannot_be_preloaded_is_refused(repo: Repo, blog: Blog, events):
    with pytest.raises(QueryError, match="`preload` needs an association"):
        await repo.preload(blog.ada)
    with pytest.raises(QueryError, match=r"`Post\.author` starts at Post, the rows are User"):
        await repo.preload(blog.ada, Post.author)
    with pytest.raises(QueryError, match=r"`preload` takes associations, got User\.name"):
        await repo.preload(blog.ada, User.name)
    with pytest.raises(QueryError, match="`preload` takes rows of one schema, got User and Post"):
        await repo.preload([blog.ada, blog.posts[0]], User.posts)
    with pytest.raises(SchemaError, match="a struct of a schema was expected"):
        await repo.preload((blog.ada,), User.posts)
    with pytest.raises(QueryError, match=r"`User\.posts` starts at User, and this query gives bare expressions"):
        from_(User).select(User.name).preload(User.posts)
    assert events == []


class Country(Schema, table="countries"):
    code: Field[str] = field(primary_key=True)
    cities: "HasMany[City]" = has_many(foreign_key="country_code")


class City(Schema, table="cities"):
    id: Field[int] = primary_key()
    name: Field[str]
    country_code: Field[str | None]
    country: BelongsTo[Country | None] = belongs_to(foreign_key="country_code")


async def test_keys_may_be_text_and_columns_may_be_null(repo: Repo):
    postgres = repo.adapter.dialect.name == "PostgreSQL"
    key = "bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY" if postgres else "INTEGER PRIMARY KEY"
    await repo._session.script(
        "CREATE TABLE countries (code text PRIMARY KEY);"
        f"CREATE TABLE cities (id {key}, name text NOT NULL, country_code text REFERENCES countries)"
    )
    try:
        await repo.insert_all(Country, [{"code": code} for code in ("fr", "d'e", "pt")])
        await repo.insert_all(
            City,
            [
                {"name": name, "country_code": code}
                for name, code in (("Paris", "fr"), ("Ulm", "d'e"), ("Atlantis", None))
            ],
        )
        countries = await repo.all(from_(Country).order_by(Country.code).preload(Country.cities))
        assert [[city.name for city in country.cities] for country in countries] == [["Ulm"], ["Paris"], []]
        cities = await repo.all(from_(City).order_by(City.id).preload(City.country))
        assert [city.country and city.country.code for city in cities] == ["fr", "d'e", None]
    finally:
        await repo._session.script("DROP TABLE cities; DROP TABLE countries")


async def test_an_unsaved_struct_has_no_related_rows(repo: Repo, events):
    user = await repo.preload(User(name="new", email="x"), User.posts)
    assert user.posts == []
    assert events == []

"""What a row can be: a struct, a value, a tuple, a shape, a class of the user's, or what an outer join left out."""

from typing import NamedTuple

import pytest
from pydantic import BaseModel, ValidationError

from ectype import QueryError, Repo, alias, fn, from_, maybe
from tests.integration.repo.blog import Card, Comment, Post, PostLine, Role, Tag, User


class Pair(NamedTuple):
    title: str
    score: int


class Model(BaseModel):
    title: str
    score: int


class Plain:
    def __init__(self, title: str, score: int) -> None:
        self.shown = f"{title}:{score}"


@pytest.fixture
async def ada(repo: Repo) -> User:
    return await repo.insert(User(name="Ada", email="ada", role=Role.ADMIN, nickname="ada"))


@pytest.fixture
async def posts(repo: Repo, ada: User) -> list[Post]:
    first = await repo.insert(Post(title="first", score=1, author_id=ada.id, editor_id=ada.id, tags=["a"]))
    second = await repo.insert(Post(title="second", score=2, author_id=ada.id))
    await repo.insert(Comment(body="hm", post_id=second.id))
    return [first, second]


async def test_values_tuples_and_structs_side_by_side(repo: Repo, ada: User, posts: list[Post]):
    query = from_(Post).join(Post.author).order_by(Post.id)
    assert await repo.all(query) == posts
    assert await repo.all(query.select(Post.title)) == ["first", "second"]
    assert await repo.all(query.select(Post.title, User.role)) == [("first", Role.ADMIN), ("second", Role.ADMIN)]
    rows = await repo.all(query.select(Post, User.name, User))
    assert rows == [(posts[0], "Ada", ada), (posts[1], "Ada", ada)]
    assert await repo.all(query.select(Post.tags)) == [["a"], []]
    assert await repo.one(from_(Post).select(fn.count(), fn.max(Post.title))) == (2, "second")


async def test_project_makes_structs_of_a_shape(repo: Repo, posts: list[Post]):
    query = (
        from_(Post)
        .join(Post.author)
        .left_join(Post.comments)
        .group_by(Post.id, User.id)
        .order_by(Post.title)
        .project(PostLine(title=fn.upper(Post.title), author=User.name, comments=fn.count(Comment.id)))
    )
    assert await repo.all(query) == [
        PostLine(title="FIRST", author="Ada", comments=0),
        PostLine(title="SECOND", author="Ada", comments=1),
    ]
    plain = from_(Post).where(Post.score == 1).project(PostLine(title=Post.title, author="nobody"))
    assert await repo.all(plain) == [PostLine(title="first", author="nobody", comments=0)]


@pytest.mark.parametrize("target", [Card, Pair, Model], ids=["dataclass", "named tuple", "pydantic model"])
async def test_select_into_makes_objects_of_a_class_of_ones_own(repo: Repo, posts: list[Post], target):
    query = from_(Post).order_by(Post.id).select_into(target, Post.title, Post.score)
    assert await repo.all(query) == [target(title="first", score=1), target(title="second", score=2)]
    assert [type(row) for row in await repo.all(query)] == [target, target]
    with pytest.raises(QueryError, match=f"{target.__name__} has 2 fields"):
        from_(Post).select_into(target, Post.title)


async def test_select_into_calls_what_has_no_fields_by_position(repo: Repo, posts: list[Post]):
    rows = await repo.all(from_(Post).order_by(Post.id).select_into(Plain, Post.title, Post.score))
    assert [row.shown for row in rows] == ["first:1", "second:2"]
    with pytest.raises(ValidationError):
        await repo.all(from_(Post).select_into(Model, Post.score, Post.title))


async def test_what_an_outer_join_leaves_out_is_none(repo: Repo, ada: User, posts: list[Post]):
    editor = alias(User, "editor")
    query = from_(Post).left_join(Post.editor, as_=editor).left_join(Post.comments).order_by(Post.id)
    first, second = await repo.all(query.select(Post.title, maybe(editor), maybe(Comment), maybe(Comment.body)))
    assert first == ("first", ada, None, None)
    assert second[0] == "second"
    assert second[1] is None
    assert (second[2].body, second[3]) == ("hm", "hm")
    assert await repo.all(query.select(maybe(editor))) == [ada, None]
    assert await repo.all(query.select(maybe(Comment.id)).where(Comment.id.is_null())) == [None]


async def test_the_same_query_gives_the_same_rows_twice_and_other_values_other_rows(repo: Repo, posts: list[Post]):
    for _ in range(2):
        assert [post.score for post in await repo.all(from_(Post).where(Post.score == 1))] == [1]
        assert [post.score for post in await repo.all(from_(Post).where(Post.score == 2))] == [2]


async def test_to_sql_is_what_all_would_send(repo: Repo, posts: list[Post], events):
    query = from_(Post).where(Post.score > 1, Post.title.in_(["second", "x"])).order_by(Post.id).limit(3)
    text, params = repo.to_sql(query)
    await repo.all(query)
    assert (events[0].sql, events[0].params) == (text, params)
    # What is preloaded are statements of their own.
    assert repo.to_sql(query.preload(Post.author)) == (text, params)


async def test_an_empty_table_has_no_rows_of_any_kind(repo: Repo):
    assert await repo.all(from_(Tag).select(Tag.name, Tag.color)) == []
    assert await repo.all(from_(Tag).select_into(Card, Tag.name, fn.length(Tag.name))) == []

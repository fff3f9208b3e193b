"""Parts of structs, members that a query fills, and rows with names, through the repository."""

import copy
import pickle
from dataclasses import dataclass, field
from typing import NamedTuple, TypedDict

import pytest
from pydantic import BaseModel

from ectype import (
    Field,
    NoPrimaryKeyError,
    QueryError,
    Repo,
    Schema,
    SchemaError,
    alias,
    change,
    cte,
    evolve,
    exists,
    fn,
    fragment,
    from_,
    maybe,
    meta,
    only,
    outer,
    scalar,
    subquery,
)
from ectype import field as member
from ectype.schema.structs import values_of
from tests.integration.repo.blog import Comment, LogLine, Post, PostLine, Role, User


class Author(Schema, table="users"):
    """The users with members that queries fill."""

    id: Field[int] = member(primary_key=True)
    name: Field[str]
    role: Field[Role]
    posts: Field[int] = member(virtual=True, default=0)
    prolific: Field[bool | None] = member(virtual=True, default=None)
    best: Field[str | None] = member(virtual=True)


class Row(TypedDict):
    title: str
    comments: int


class Pair(NamedTuple):
    title: str
    score: int = 5


@dataclass
class Card:
    title: str
    score: int = 5
    tags: list[str] = field(default_factory=list)


class Model(BaseModel):
    title: str
    score: int = 5


@pytest.fixture
async def ada(repo: Repo) -> User:
    return await repo.insert(User(name="Ada", email="ada", role=Role.ADMIN, nickname="ada"))


@pytest.fixture
async def posts(repo: Repo, ada: User) -> list[Post]:
    first = await repo.insert(Post(title="first", score=1, author_id=ada.id, tags=["a"], meta={"x": 1}))
    second = await repo.insert(Post(title="second", score=2, author_id=ada.id))
    await repo.insert(Comment(body="hm", post_id=second.id))
    return [first, second]


# --- parts


async def test_a_part_of_a_struct_has_these_members_and_no_others(repo: Repo, posts: list[Post]):
    part = await repo.one_or_raise(from_(Post).where(Post.score == 1).select(only(Post.id, Post.title, Post.tags)))
    assert (part.id, part.title, part.tags) == (posts[0].id, "first", ["a"])
    assert values_of(part) == {"id": posts[0].id, "title": "first", "tags": ["a"]}
    with pytest.raises(AttributeError):
        _ = part.score
    assert "score=<unset>" in repr(part)
    assert "author=<not loaded>" in repr(part)
    assert meta(part).state == "loaded"
    assert hash(part) == hash(posts[0])
    assert part != posts[0]
    assert evolve(part, score=1).score == 1
    assert pickle.loads(pickle.dumps(part)) == copy.deepcopy(part) == part


async def test_a_part_is_updated_by_what_changes(repo: Repo, posts: list[Post], events):
    part = await repo.one_or_raise(from_(Post).where(Post.score == 1).select(only(Post.id, Post.title, Post.tags)))
    events.clear()
    same = await repo.update(change(part).put_change(Post.title, "first").put_change(Post.tags, ["a"]))
    assert events == []
    assert values_of(same) == values_of(part)
    changed = await repo.update(change(part).put_change(Post.title, "new").put_change(Post.meta, {"y": 2}))
    assert 'SET "title" = ' in events[0].sql
    for name in ("score", "tags", "slug", "author_id"):
        assert f'"{name}"' not in events[0].sql
    assert (changed.title, changed.meta, changed.tags) == ("new", {"y": 2}, ["a"])
    assert not hasattr(changed, "score")
    stored = await repo.get_or_raise(Post, part.id)
    assert (stored.title, stored.meta, stored.tags, stored.score) == ("new", {"y": 2}, ["a"], 1)
    again = await repo.update(change(changed).put_change(Post.score, 9))
    assert (again.score, (await repo.get_or_raise(Post, part.id)).score) == (9, 9)


async def test_a_document_that_was_not_read_is_written_whatever_it_becomes(repo: Repo, posts: list[Post]):
    part = await repo.one_or_raise(from_(Post).where(Post.score == 1).select(only(Post.id)))
    stored = await repo.update(change(part).put_change(Post.tags, []))
    assert stored.tags == []
    assert (await repo.get_or_raise(Post, part.id)).tags == []


async def test_a_part_without_its_key_has_no_hash_and_is_not_written(repo: Repo, posts: list[Post]):
    part = (await repo.all(from_(Post).select(only(Post.title))))[0]
    with pytest.raises(SchemaError, match="Post cannot be hashed while its primary key is unset"):
        hash(part)
    with pytest.raises(NoPrimaryKeyError):
        await repo.update(change(part).put_change(Post.title, "x"))
    with pytest.raises(NoPrimaryKeyError):
        await repo.delete(part)


async def test_parts_of_both_sides_and_of_a_side_that_is_missing(repo: Repo, ada: User, posts: list[Post]):
    editor = alias(User, "editor")
    query = from_(Post).join(Post.author).left_join(Post.editor, as_=editor).order_by(Post.id)
    rows = await repo.all(query.select(only(Post.title), only(User.id, User.name), maybe(only(editor.age))))
    assert [(post.title, user.name, none) for post, user, none in rows] == [
        ("first", "Ada", None),
        ("second", "Ada", None),
    ]
    await repo.update(change(posts[0]).put_change(Post.editor_id, ada.id))
    first, second = await repo.all(query.select(maybe(only(editor.age))))
    assert first is not None
    assert (first.age, second) == (None, None)


async def test_a_part_that_has_the_key_is_preloaded(repo: Repo, ada: User, posts: list[Post]):
    query = from_(Post).order_by(Post.id).select(only(Post.id, Post.author_id)).preload(Post.author, Post.comments)
    first, second = await repo.all(query)
    assert (first.author, first.comments, len(second.comments)) == (ada, [], 1)


async def test_a_part_of_a_table_without_a_key(repo: Repo):
    await repo.insert(LogLine(line="a", level=1))
    await repo.insert_all(LogLine, [{"line": "b", "level": None}])
    rows = await repo.all(from_(LogLine).order_by(LogLine.line).select(only(LogLine.level)))
    assert [row.level for row in rows] == [1, None]
    other = alias(LogLine, "other")
    query = from_(LogLine).left_join(other, on=(other.line == LogLine.line) & other.level.is_null())
    found = await repo.all(query.order_by(LogLine.line).select(maybe(only(other.level)), maybe(other)))
    assert found[0] == (None, None)
    assert found[1][0] is not None
    assert (found[1][0].level, found[1][1]) == (None, LogLine(line="b", level=None))


# --- members that a query fills


async def test_virtual_members_are_filled_and_have_their_defaults_elsewhere(repo: Repo, ada: User, posts: list[Post]):
    ben = await repo.insert(User(name="Ben", email="ben"))
    query = (
        from_(Author)
        .left_join(Post, on=Post.author_id == Author.id)
        .group_by(Author.id)
        .order_by(Author.id)
        .select_merge(Author.posts.set(fn.count(Post.id)), Author.prolific.set(fn.count(Post.id) > 1))
        .select_merge(Author.best.set(fn.max(Post.title)))
    )
    first, second = await repo.all(query)
    assert (first.id, first.name, first.role) == (ada.id, "Ada", Role.ADMIN)
    assert (first.posts, first.prolific, first.best) == (2, True, "second")
    assert (second.id, second.posts, second.best) == (ben.id, 0, None)
    assert second.prolific is False
    assert first.prolific is True
    plain = await repo.get_or_raise(Author, ada.id)
    assert (plain.posts, plain.prolific, hasattr(plain, "best")) == (0, None, False)


async def test_a_row_that_is_missing_leaves_even_an_unset_member(repo: Repo, ada: User, posts: list[Post]):
    await repo.insert(User(name="Ben", email="ben"))
    query = from_(Author).left_join(Post, on=(Post.author_id == Author.id) & (Post.score == 2)).order_by(Author.id)
    first, second = await repo.all(query.select_merge(Author.best.set(maybe(Post.title))))
    assert first.best == "second"
    assert not hasattr(second, "best")


async def test_a_boolean_of_text_is_loaded_as_its_member_says(repo: Repo, ada: User):
    query = from_(Author).select_merge(Author.prolific.set(fragment("1 = 1")))
    assert (await repo.one_or_raise(query)).prolific is True


async def test_plain_members_and_those_of_one_subquery(repo: Repo, ada: User, posts: list[Post]):
    own = from_(Comment).where(Comment.post_id == outer(Post.id))
    query = (
        from_(Post)
        .order_by(Post.id)
        .select_merge(
            Post.title.set(fn.upper(Post.title)),
            Post.score.set(scalar(own.select(fn.count()))),
            Post.tags.set(["x"]),
        )
    )
    first, second = await repo.all(query)
    assert [(post.title, post.score, post.tags) for post in (first, second)] == [
        ("FIRST", 0, ["x"]),
        ("SECOND", 1, ["x"]),
    ]
    assert first.meta == {"x": 1}
    assert change(first).put_change(Post.tags, ["x"]).changes == {}
    written = await repo.update(change(first).put_change(Post.tags, ["y"]))
    assert written.tags == ["y"]
    stored = await repo.get_or_raise(Post, first.id)
    assert (stored.title, stored.tags) == ("first", ["y"])
    flags = from_(Author).select_merge(
        Author.prolific.set(exists(from_(Post).where(Post.author_id == outer(Author.id))))
    )
    assert [author.prolific for author in await repo.all(flags)] == [True]


async def test_a_filled_query_is_a_source_with_the_member_for_a_column(repo: Repo, ada: User, posts: list[Post]):
    counted = subquery(
        from_(Author)
        .left_join(Post, on=Post.author_id == Author.id)
        .group_by(Author.id)
        .select_merge(Author.posts.set(fn.count(Post.id))),
        "counted",
    )
    assert await repo.all(from_(counted).where(counted.posts > 1).select(counted.name, counted.posts)) == [("Ada", 2)]
    author = await repo.one_or_raise(from_(counted))
    assert (author.name, author.posts, author.prolific) == ("Ada", 2, None)


# --- names


async def test_a_name_is_ordered_and_counted_by(repo: Repo, posts: list[Post]):
    n = fn.count(Comment.id).as_("n")
    query = from_(Post).left_join(Post.comments).group_by(Post.id).select(Post.title, n).order_by(n.desc())
    assert await repo.all(query) == [("second", 1), ("first", 0)]
    assert await repo.all(query.having(n > 0)) == [("second", 1)]
    assert await repo.exists(query.having(n > 0)) is True
    assert await repo.exists(query.having(n > 1)) is False
    bonus = (Post.score + 5).as_("bonus")
    grouped = from_(Post).group_by(bonus).select(bonus, fn.count()).order_by(bonus.desc())
    for _ in range(2):
        assert await repo.all(grouped) == [(7, 1), (6, 1)]
    assert await repo.exists(grouped.having(bonus > 6)) is True
    other = (Post.score + 6).as_("bonus")
    assert await repo.all(from_(Post).group_by(other).select(other).order_by(other)) == [7, 8]
    with pytest.raises(QueryError, match="one name stands for expressions with other values"):
        await repo.all(from_(Post).group_by(bonus).select(other))


async def test_a_moment_under_a_name_is_itself(repo: Repo, posts: list[Post]):
    at = Post.inserted_at.as_("at")
    assert await repo.all(from_(Post).order_by(at).select(at)) == [post.inserted_at for post in posts]
    assert await repo.all(from_(Post).order_by(Post.id).select(at)) == [post.inserted_at for post in posts]


# --- rows with names


async def test_rows_of_every_class_by_keyword(repo: Repo, posts: list[Post]):
    query = from_(Post).where(Post.score == 1)
    row = query.left_join(Post.comments).group_by(Post.id)
    assert await repo.all(row.select_into(Row, comments=fn.count(Comment.id), title=Post.title)) == [
        {"title": "first", "comments": 0}
    ]
    assert await repo.all(query.select_into(Card, title=Post.title)) == [Card("first", 5, [])]
    assert await repo.all(query.select_into(Card, Post.title)) == [Card("first", 5, [])]
    assert await repo.all(query.select_into(Card, tags=Post.tags, title=Post.title)) == [Card("first", 5, ["a"])]
    assert await repo.all(query.select_into(Pair, score=Post.score, title=Post.title)) == [Pair("first", 1)]
    assert await repo.all(query.select_into(Pair, Post.title)) == [Pair("first", 5)]
    assert await repo.all(query.select_into(Model, title=Post.title)) == [Model(title="first")]
    assert await repo.all(query.select_into(dict, a=Post.title)) == [{"a": "first"}]


async def test_rows_are_dicts_of_their_own(repo: Repo, ada: User, posts: list[Post]):
    query = from_(Post).join(Post.author).order_by(Post.id)
    rows = await repo.all(query.select({"title": Post.title, "the author": User, "part": only(Post.score)}))
    assert [(row["title"], row["the author"]) for row in rows] == [("first", ada), ("second", ada)]
    assert [row["part"].score for row in rows] == [1, 2]
    rows[0]["title"] = "changed"
    assert rows[1]["title"] == "second"


async def test_a_projection_has_the_defaults_of_its_shape(repo: Repo, ada: User, posts: list[Post]):
    lines = from_(Post).join(Post.author).order_by(Post.id).project(PostLine(title=Post.title, author=User.name))
    assert await repo.all(lines) == [
        PostLine(title="first", author="Ada", comments=0),
        PostLine(title="second", author="Ada", comments=0),
    ]
    named = cte(PostLine, "lines")
    query = from_(named).with_cte(named, lines.limit(1)).select(only(named.title, named.comments))
    part = await repo.one_or_raise(query)
    assert (part.title, part.comments, hasattr(part, "author")) == ("first", 0, False)

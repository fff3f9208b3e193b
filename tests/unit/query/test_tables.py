"""Which tables a query reads and writes."""

import pytest

from ectype import alias, cte, exists, fn, fragment, from_, literal, outer, scalar, source, subquery
from tests.dialects.world import Branch, Comment, Line, Page, Post, Reading, User

POSTS = from_(Post)
TREE = cte(Branch, "tree")
GONE = cte(Comment, "gone")
COUNTED = from_(Page).select(fn.count())
COMMENTED = from_(Comment).where(Comment.post_id == outer(Post.id))


@pytest.mark.parametrize(
    ("query", "tables"),
    [
        (POSTS, ("posts",)),
        (POSTS.where(Post.id == 1).select(Post.id), ("posts",)),
        (from_(Page), ("wiki.pages",)),
        (POSTS.join(Post.author).left_join(User.manager, as_=alias(User, "boss")), ("posts", "users")),
        (POSTS.where(exists(COMMENTED)), ("posts", "comments")),
        (POSTS.where(Post.author_id.in_(from_(User).where(exists(from_(Page))).select(User.id))),
         ("posts", "users", "wiki.pages")),
        (POSTS.select(Post.id, scalar(COMMENTED.select(fn.count()))), ("posts", "comments")),
        (POSTS.order_by(scalar(COMMENTED.select(fn.count())) + 1), ("posts", "comments")),
        (POSTS.prepend_order_by(scalar(COMMENTED.select(fn.count())).desc()), ("posts", "comments")),
        (POSTS.group_by(Post.id).having(exists(COMMENTED)), ("posts", "comments")),
        (POSTS.or_where(exists(COMMENTED)).distinct(), ("posts", "comments")),
        (POSTS.join(User, on=exists(from_(Reading))), ("posts", "users", "readings")),
        (from_(subquery(POSTS.join(Post.comments), "best")), ("posts", "comments")),
        (POSTS.union(from_(Post).join(Post.author)), ("posts", "users")),
        (from_(TREE), ()),
        (from_(source(Post, "old", prefix="wiki")), ("wiki.old",)),
        (POSTS.prefix("wiki").join(Post.author).where(exists(COMMENTED)),
         ("wiki.posts", "wiki.users", "wiki.comments")),
        (POSTS.join(POSTS.where(Post.score > 1).limit(3), on=literal(1) == 1, as_=alias(Post, "best")), ("posts",)),
        (from_(source(Line, fragment("(SELECT {} AS title, 1 AS count)", scalar(from_(Page).select(fn.count()))))),
         ("wiki.pages",)),
        (from_(TREE).with_cte(TREE, from_(User).project(Branch(id=User.id, depth=literal(0)))), ("users",)),
        (from_(TREE).with_cte(TREE, fragment("SELECT id, {} AS depth FROM users", scalar(COUNTED))), ("wiki.pages",)),
        (POSTS.limit(scalar(COUNTED)), ("posts", "wiki.pages")),
        (from_(GONE).with_cte(GONE, from_(Comment).join(Comment.post), delete=True), ("comments", "posts")),
        (
            from_(GONE).with_cte(
                GONE, from_(Comment), update=[Comment.likes.set(fn.coalesce(scalar(from_(User).select(fn.count())), 0))]
            ),
            ("comments", "users"),
        ),
        (POSTS.project(Line(title=Post.title, count=fn.coalesce(scalar(from_(Page).select(fn.count())), 0))),
         ("posts", "wiki.pages")),
    ],
)  # fmt: skip
def test_a_query_tells_its_tables_each_once(query, tables: tuple[str, ...]):
    assert query.tables() == tables

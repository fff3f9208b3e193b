"""Joins of every kind, conditions beside an association's own, queries that are joined, lateral subqueries."""

from dataclasses import replace

import pytest

from ectype import (
    EctypeError,
    Field,
    QueryError,
    UnsupportedError,
    alias,
    cte,
    exists,
    field,
    fn,
    fragment,
    from_,
    maybe,
    outer,
    source,
    subquery,
)
from ectype.sql.dialect import POSTGRES, SQLITE
from tests.dialects.expecting import ExpectSql, Refused
from tests.dialects.world import Blog, Comment, Line, Post, User

POSTS = from_(Post)
COMMENT = '"c0"."id" AS "id", "c0"."body" AS "body", "c0"."likes" AS "likes", "c0"."post_id" AS "post_id"'
NO_RIGHT = Refused(UnsupportedError, "SQLite 3.37 has no right join")
NO_FULL = Refused(UnsupportedError, "SQLite 3.37 has no full join")
NO_LATERAL = Refused(UnsupportedError, "SQLite has no lateral join")
NEWER = replace(SQLITE, version=(3, 39), right_and_full_join=True)


class Word(Blog):
    """A shape: what `unnest` and `json_each` give."""

    text: Field[str] = field(source="value")


def test_a_right_join_keeps_the_rows_of_what_is_joined(expect_sql: ExpectSql):
    expect_sql(
        from_(Comment).right_join(Comment.post).select(Post.title, maybe(Comment.body)),
        'SELECT "p1"."title", "c0"."body" FROM "comments" AS "c0" '
        'RIGHT JOIN "posts" AS "p1" ON "p1"."id" = "c0"."post_id"',
        NO_RIGHT,
        rows=[("Engines", "first"), ("Engines", "second"), ("Notes", None), ("Bees", "buzz"), ("100% wool", None)],
    )


def test_the_missing_row_of_a_right_join_is_none(expect_sql: ExpectSql):
    expect_sql(
        from_(Comment).right_join(Post, on=(Comment.post_id == Post.id) & (Comment.likes > 5)),
        'SELECT "c0"."id", "c0"."body", "c0"."likes", "c0"."post_id" FROM "comments" AS "c0" '
        'RIGHT JOIN "posts" AS "p1" ON ("c0"."post_id" = "p1"."id") AND ("c0"."likes" > $1)',
        NO_RIGHT,
        params=(5,),
        rows=[Comment(id=3, body="buzz", likes=7, post_id=3), None, None, None],
    )


def test_a_full_join_may_leave_out_either_side(expect_sql: ExpectSql):
    expect_sql(
        from_(User).full_join(User.posts, on=Post.score > 4).select(maybe(User.name), maybe(Post.title)),
        'SELECT "u0"."name", "p1"."title" FROM "users" AS "u0" '
        'FULL JOIN "posts" AS "p1" ON ("p1"."author_id" = "u0"."id") AND ("p1"."score" > $1)',
        NO_FULL,
        params=(4,),
        rows=[("Ann", "Engines"), ("Ben", "Bees"), ("Cleo", None), ("Dan", None), (None, "Notes"), (None, "100% wool")],
    )


def test_newer_sqlite_has_right_and_full_joins():
    query = from_(Comment).right_join(Comment.post).select(Post.id)
    assert query.to_sql(NEWER)[0] == query.to_sql(POSTGRES)[0]
    query = from_(Comment).full_join(Comment.post).select(maybe(Post.id))
    assert query.to_sql(NEWER)[0] == query.to_sql(POSTGRES)[0]


def test_what_came_before_a_right_join_may_be_missing_after_further_joins(expect_sql: ExpectSql):
    query = from_(Comment).right_join(Comment.post).join(Post.author).where(User.name == "Ann")
    expect_sql(
        query.select(User.name, Post.id, maybe(Comment)),
        'SELECT "u2"."name", "p1"."id", "c0"."id", "c0"."body", "c0"."likes", "c0"."post_id" '
        'FROM "comments" AS "c0" RIGHT JOIN "posts" AS "p1" ON "p1"."id" = "c0"."post_id" '
        'JOIN "users" AS "u2" ON "u2"."id" = "p1"."author_id" WHERE "u2"."name" = $1',
        NO_RIGHT,
        params=("Ann",),
        rows=[
            ("Ann", 1, Comment(id=1, body="first", likes=2, post_id=1)),
            ("Ann", 1, Comment(id=2, body="second", likes=0, post_id=1)),
            ("Ann", 2, None),
        ],
    )


def test_a_cross_join_puts_each_row_beside_each(expect_sql: ExpectSql):
    expect_sql(
        from_(Comment).cross_join(User).where(User.id > 2).select(Comment.id, User.name),
        'SELECT "c0"."id", "u1"."name" FROM "comments" AS "c0" CROSS JOIN "users" AS "u1" WHERE "u1"."id" > $1',
        params=(2,),
        rows=[(1, "Cleo"), (1, "Dan"), (2, "Cleo"), (2, "Dan"), (3, "Cleo"), (3, "Dan")],
    )


def test_a_condition_adds_to_the_one_of_an_association(expect_sql: ExpectSql):
    expect_sql(
        POSTS.where(Post.score > 1).left_join(Post.comments, on=Comment.likes > 1).select(Post.id, maybe(Comment.body)),
        'SELECT "p0"."id", "c1"."body" FROM "posts" AS "p0" '
        'LEFT JOIN "comments" AS "c1" ON ("c1"."post_id" = "p0"."id") AND ("c1"."likes" > $2) WHERE "p0"."score" > $1',
        params=(1, 1),
        rows=[(1, "first"), (2, None), (3, "buzz"), (4, None)],
    )
    boss = alias(User, "boss")
    expect_sql(
        from_(User).join(User.manager, as_=boss, on=boss.name != User.name).where(boss.name == "Ann").select(User.name),
        'SELECT "u0"."name" FROM "users" AS "u0" '
        'JOIN "users" AS "b1" ON ("b1"."id" = "u0"."manager_id") AND ("b1"."name" <> "u0"."name") '
        'WHERE "b1"."name" = $1',
        params=("Ann",),
        rows=["Ben", "Cleo"],
    )
    liked = subquery(from_(Comment).where(Comment.likes > 0), "liked")
    expect_sql(
        POSTS.join(Post.comments, as_=liked, on=liked.likes < 5).select(Post.id, liked.body),
        f'SELECT "p0"."id", "l1"."body" FROM "posts" AS "p0" JOIN (SELECT {COMMENT} FROM "comments" AS "c0" '
        'WHERE "c0"."likes" > $1) AS "l1" ON ("l1"."post_id" = "p0"."id") AND ("l1"."likes" < $2)',
        params=(0, 5),
        rows=[(1, "first")],
    )


def test_equal_joins_with_a_condition_are_one_shape():
    first, second = (POSTS.join(Post.author, on=User.id > number) for number in (1, 2))
    assert first.node is second.node
    assert first.node is not POSTS.join(Post.author).node
    assert POSTS.join(Post.author).node.parent is POSTS.node


def test_a_query_with_filters_only_is_joined_as_its_table(expect_sql: ExpectSql):
    ann = from_(User).where(User.name == "Ann")
    expect_sql(
        POSTS.where(Post.score > 3).join(ann, on=User.id == Post.author_id).select(Post.id, User.name),
        'SELECT "p0"."id", "u1"."name" FROM "posts" AS "p0" '
        'JOIN "users" AS "u1" ON ("u1"."name" = $2) AND ("u1"."id" = "p0"."author_id") WHERE "p0"."score" > $1',
        params=(3, "Ann"),
        rows=[(1, "Ann")],
    )
    expect_sql(
        POSTS.left_join(from_(Comment).where(Comment.likes > 5, Comment.id > 0), on=Comment.post_id == Post.id).select(
            Post.id, maybe(Comment.body)
        ),
        'SELECT "p0"."id", "c1"."body" FROM "posts" AS "p0" LEFT JOIN "comments" AS "c1" '
        'ON ("c1"."likes" > $1) AND (("c1"."id" > $2) AND ("c1"."post_id" = "p0"."id"))',
        params=(5, 0),
        rows=[(1, None), (2, None), (3, "buzz"), (4, None)],
    )
    expect_sql(
        POSTS.join(from_(User), on=User.id == Post.author_id).where(User.name == "Ben").select(Post.id),
        'SELECT "p0"."id" FROM "posts" AS "p0" JOIN "users" AS "u1" ON "u1"."id" = "p0"."author_id" '
        'WHERE "u1"."name" = $1',
        params=("Ben",),
        rows=[3],
    )


def test_a_query_with_more_than_filters_is_joined_as_a_subquery(expect_sql: ExpectSql):
    best = from_(Post).order_by(Post.score.desc()).limit(2)
    query = from_(User).join(best, on=Post.author_id == User.id).where(Post.slug != "x").select(User.name, Post.slug)
    inner = ", ".join(f'"p0"."{name}" AS "{name}"' for name in _stored(Post))
    expect_sql(
        query,
        f'SELECT "u0"."name", "p1"."url_slug" FROM "users" AS "u0" JOIN (SELECT {inner} FROM "posts" AS "p0" '
        'ORDER BY "p0"."score" DESC LIMIT $1) AS "p1" ON "p1"."author_id" = "u0"."id" WHERE "p1"."url_slug" <> $2',
        params=(2, "x"),
        rows=[("Ann", "engines"), ("Ben", "bees")],
    )


def _stored(model: type[Post]) -> list[str]:
    info = model.__schema__
    return [info.fields[name].source for name in info.column_names]


def test_whole_structs_of_a_joined_query_are_selected(expect_sql: ExpectSql):
    first = from_(Comment).order_by(Comment.id).limit(1)
    expect_sql(
        POSTS.left_join(first, on=Comment.post_id == Post.id).where(Post.id < 3).select(Post.id, maybe(Comment)),
        'SELECT "p0"."id", "c1"."id", "c1"."body", "c1"."likes", "c1"."post_id" FROM "posts" AS "p0" '
        f'LEFT JOIN (SELECT {COMMENT} FROM "comments" AS "c0" ORDER BY "c0"."id" LIMIT $1) AS "c1" '
        'ON "c1"."post_id" = "p0"."id" WHERE "p0"."id" < $2',
        params=(1, 3),
        rows=[(1, Comment(id=1, body="first", likes=2, post_id=1)), (2, None)],
    )


def test_a_projection_is_joined_under_the_name_of_its_shape(expect_sql: ExpectSql):
    counts = from_(Comment).join(Comment.post).group_by(Post.title)
    counts = counts.project(Line(title=Post.title, count=fn.count(Comment.id)))
    expect_sql(
        POSTS.join(counts, on=Line.title == Post.title).where(Line.count > 1).select(Post.id, Line.count),
        'SELECT "p0"."id", "l1"."count" FROM "posts" AS "p0" JOIN (SELECT "p1"."title" AS "title", '
        'count("c0"."id") AS "count" FROM "comments" AS "c0" JOIN "posts" AS "p1" ON "p1"."id" = "c0"."post_id" '
        'GROUP BY "p1"."title") AS "l1" ON "l1"."title" = "p0"."title" WHERE "l1"."count" > $1',
        params=(1,),
        rows=[(1, 2)],
    )


def test_a_query_is_joined_under_an_alias(expect_sql: ExpectSql):
    boss = alias(User, "boss")
    expect_sql(
        from_(User)
        .join(from_(User).where(User.name == "Ann"), as_=boss, on=boss.id == User.manager_id)
        .select(User.id),
        'SELECT "u0"."id" FROM "users" AS "u0" JOIN (SELECT "u0"."id" AS "id", "u0"."name" AS "name", '
        '"u0"."role" AS "role", "u0"."password" AS "password", "u0"."manager_id" AS "manager_id" '
        'FROM "users" AS "u0" WHERE "u0"."name" = $1) AS "b1" ON "b1"."id" = "u0"."manager_id"',
        params=("Ann",),
        rows=[2, 3],
    )


def test_beside_a_right_join_the_filters_of_a_query_stay_inside(expect_sql: ExpectSql):
    # In ON they would let the rows pass that the query leaves out.
    expect_sql(
        from_(Post)
        .right_join(from_(Comment).where(Comment.likes > 5), on=Comment.post_id == Post.id)
        .select(Comment.id, maybe(Post.id)),
        f'SELECT "c1"."id", "p0"."id" FROM "posts" AS "p0" RIGHT JOIN (SELECT {COMMENT} FROM "comments" AS "c0" '
        'WHERE "c0"."likes" > $1) AS "c1" ON "c1"."post_id" = "p0"."id"',
        NO_RIGHT,
        params=(5,),
        rows=[(3, 3)],
    )


def newest(count: int) -> type[Comment]:
    query = from_(Comment).where(Comment.post_id == outer(Post.id)).order_by(Comment.id.desc()).limit(count)
    return subquery(query, "newest")


NEWEST = f'(SELECT {COMMENT.replace("c0", "c1")} FROM "comments" AS "c1" WHERE "c1"."post_id" = "p0"."id" ' \
    'ORDER BY "c1"."id" DESC LIMIT $1) AS "n1"'  # fmt: skip


def test_a_lateral_subquery_sees_the_sources_before_it(expect_sql: ExpectSql):
    one = newest(1)
    expect_sql(
        POSTS.join(one, lateral=True).select(Post.id, one.body),
        f'SELECT "p0"."id", "n1"."body" FROM "posts" AS "p0" JOIN LATERAL {NEWEST} ON TRUE',
        NO_LATERAL,
        params=(1,),
        rows=[(1, "second"), (3, "buzz")],
    )
    expect_sql(
        POSTS.left_join(one, on=one.likes > 0, lateral=True).select(Post.id, maybe(one.body)),
        f'SELECT "p0"."id", "n1"."body" FROM "posts" AS "p0" LEFT JOIN LATERAL {NEWEST} ON "n1"."likes" > $2',
        NO_LATERAL,
        params=(1, 0),
        rows=[(1, None), (2, None), (3, "buzz"), (4, None)],
    )
    expect_sql(
        POSTS.cross_join(one, lateral=True).select(Post.id, one.id),
        f'SELECT "p0"."id", "n1"."id" FROM "posts" AS "p0" CROSS JOIN LATERAL {NEWEST}',
        NO_LATERAL,
        params=(1,),
        rows=[(1, 2), (3, 3)],
    )
    expect_sql(
        POSTS.join(
            from_(Comment).where(Comment.post_id == outer(Post.id)).order_by(Comment.id).limit(1), on=Comment.id > 0,
            lateral=True,
        ).select(Post.id, Comment.id),
        f'SELECT "p0"."id", "c1"."id" FROM "posts" AS "p0" JOIN LATERAL (SELECT {COMMENT.replace("c0", "c1")} '
        'FROM "comments" AS "c1" WHERE "c1"."post_id" = "p0"."id" ORDER BY "c1"."id" LIMIT $1) AS "c1" '
        'ON "c1"."id" > $2',
        NO_LATERAL,
        params=(1, 0),
        rows=[(1, 1), (3, 3)],
    )  # fmt: skip


def test_a_table_function_reads_the_rows_before_it(expect_sql: ExpectSql):
    word = source(Word, fragment("json_each({})", outer(Post.tags)))
    query = POSTS.join(word, lateral=True).where(word.text == "code").select(Post.id, word.text)
    assert query.to_sql(SQLITE) == (
        'SELECT "p0"."id", "w1"."value" FROM "posts" AS "p0" JOIN json_each("p0"."tags") AS "w1" ON TRUE '
        'WHERE "w1"."value" = ?1',
        ("code",),
    )
    named = source(Word, fragment("unnest({})", outer(Post.tags)), columns=[Word.text])
    expect_sql(
        POSTS.join(named, lateral=True).where(named.text == "code").select(Post.id, named.text),
        'SELECT "p0"."id", "w1"."value" FROM "posts" AS "p0" JOIN LATERAL unnest("p0"."tags") AS "w1"("value") ON TRUE '
        'WHERE "w1"."value" = $1',
        Refused(UnsupportedError, "SQLite cannot name the columns of a fragment, as `columns=` of Word asks for"),
        params=("code",),
        rows=[(1, "code")],
    )


def test_a_column_of_the_query_around_is_found_through_every_level(expect_sql: ExpectSql):
    # Through a subquery in FROM, two levels up.
    answered = subquery(from_(Comment).where(Comment.post_id == outer(Post.id), Comment.likes > 1), "answered")
    expect_sql(
        POSTS.where(exists(from_(answered).where(answered.likes < 5))).select(Post.id),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE EXISTS(SELECT 1 FROM (SELECT "c1"."id" AS "id", '
        '"c1"."body" AS "body", "c1"."likes" AS "likes", "c1"."post_id" AS "post_id" FROM "comments" AS "c1" '
        'WHERE ("c1"."post_id" = "p0"."id") AND ("c1"."likes" > $1)) AS "a1" WHERE "a1"."likes" < $2)',
        params=(1, 5),
        rows=[1],
    )
    # Through an expression, two levels up.
    own = from_(Post).where(Post.author_id == outer(User.id))
    liked = exists(from_(Comment).where(Comment.post_id == outer(Post.id), Comment.likes > outer(User.id)))
    expect_sql(
        from_(User).where(exists(own.where(liked))).select(User.name),
        'SELECT "u0"."name" FROM "users" AS "u0" WHERE EXISTS(SELECT 1 FROM "posts" AS "p1" '
        'WHERE ("p1"."author_id" = "u0"."id") AND EXISTS(SELECT 1 FROM "comments" AS "c2" '
        'WHERE ("c2"."post_id" = "p1"."id") AND ("c2"."likes" > "u0"."id")))',
        rows=["Ann", "Ben"],
    )
    # Through the body of a CTE.
    best = cte(Line, "best")
    rows = from_(Post).where(Post.author_id == outer(User.id)).project(Line(title=Post.title, count=Post.score))
    expect_sql(
        from_(User).where(exists(from_(best).with_cte(best, rows).where(best.count > 4))).select(User.name),
        'SELECT "u0"."name" FROM "users" AS "u0" WHERE EXISTS(WITH "best"("title", "count") AS '
        '(SELECT "p1"."title" AS "title", "p1"."score" AS "count" FROM "posts" AS "p1" '
        'WHERE "p1"."author_id" = "u0"."id") SELECT 1 FROM "best" AS "b1" WHERE "b1"."count" > $1)',
        params=(4,),
        rows=["Ann", "Ben"],
    )
    # From inside a lateral subquery: the query around it, and the one around that.
    one = subquery(
        from_(Comment).where(Comment.post_id == outer(Post.id), Comment.id >= outer(User.id)).limit(1), "one"
    )
    expect_sql(
        from_(User).where(exists(own.join(one, lateral=True))).select(User.id),
        'SELECT "u0"."id" FROM "users" AS "u0" WHERE EXISTS(SELECT 1 FROM "posts" AS "p1" JOIN LATERAL '
        f'(SELECT {COMMENT.replace("c0", "c2")} FROM "comments" AS "c2" '
        'WHERE ("c2"."post_id" = "p1"."id") AND ("c2"."id" >= "u0"."id") LIMIT $1) AS "o2" ON TRUE '
        'WHERE "p1"."author_id" = "u0"."id")',
        NO_LATERAL,
        params=(1,),
        rows=[1, 2],
    )


def test_a_subquery_that_is_not_lateral_sees_nothing_beside_it(expect_sql: ExpectSql):
    one = newest(1)
    expect_sql(
        POSTS.join(one, on=one.post_id == Post.id).select(Post.id),
        Refused(QueryError, "no enclosing query reads Post, so `outer(…)` finds no `id`"),
    )


def test_a_query_knows_what_it_reads():
    manager = alias(User, "manager")
    query = POSTS.join(Post.author)
    assert query.has_binding(User)
    assert query.has_binding(Post)
    assert not query.has_binding(Comment)
    assert not query.has_binding(manager)
    assert query.join(User.manager, as_=manager).has_binding(manager)
    with pytest.raises(QueryError, match="a schema, alias, subquery or CTE was expected, got 'users'"):
        query.has_binding("users")


def test_a_part_joins_only_what_is_not_there():
    joined = POSTS.join(Post.author)
    assert joined.ensure_join(Post.author) is joined
    assert POSTS.ensure_join(Post.author).node is joined.node
    assert joined.ensure_join(User, on=User.id == Post.author_id) is joined
    assert joined.ensure_join(from_(User).where(User.id > 1), on=User.id == Post.author_id) is joined
    manager = alias(User, "manager")
    twice = joined.ensure_join(User.manager, as_=manager)
    assert twice.has_binding(manager)
    assert twice.ensure_join(User.manager, as_=manager) is twice
    assert POSTS.ensure_join(Post.author, on=User.id > 3).params == (3,)
    with pytest.raises(QueryError, match="User is in this query already, and an outer join may leave it out"):
        POSTS.left_join(Post.author).ensure_join(Post.author)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: POSTS.select(Post.id).right_join(Post.author), "a right join may leave out what this query selects"),
        (lambda: POSTS.select(Post.id).full_join(Post.author), "a full join may leave out what this query selects"),
        (lambda: POSTS.join(Post.author, on=True), "the condition that adds to `Post.author` is an expression, got"),
        (lambda: POSTS.join(Post.author, on=Comment.id > 1), "`on` mentions Comment, which is not in this query"),
        (lambda: POSTS.join(Post.author, lateral=True), "`lateral` is for subqueries, and `Post.author` is an assoc"),
        (lambda: POSTS.join(User, on=User.id == 1, lateral=True), "`lateral` is for what reads the sources before it"),
        (lambda: POSTS.join(from_(User)), "joining User needs its condition, got on=None"),
        (lambda: POSTS.join(from_(User).select(User.id), on=User.id == 1), "selects bare expressions"),
        (lambda: POSTS.join(from_(User).preload(User.posts), on=User.id == 1), "the query inside `join` preloads"),
        (lambda: POSTS.join(from_(Post), on=Post.id == 1), "Post is in this query already"),
        (
            lambda: POSTS.join(from_(User), as_=alias(Comment, "c"), on=User.id == 1),
            "this query gives rows of User, so `as_` cannot be an alias of Comment",
        ),
        (
            lambda: POSTS.join(from_(User), as_=subquery(from_(User), "u"), on=User.id == 1),
            "`as_` is an alias of the query's schema, got u",
        ),
        (lambda: POSTS.right_join(User), "joining User needs its condition, got on=None"),
        (lambda: POSTS.cross_join("users"), "a schema, alias, subquery or CTE was expected, got 'users'"),
        (lambda: POSTS.cross_join(None), "a schema, alias, subquery or CTE was expected, got None"),
        (lambda: POSTS.cross_join(Post), 'other = alias(Post, "other")'),
        (lambda: POSTS.join(alias(User, "u"), on=alias(User, "u").nmae == "x"), "did you mean `name`?"),
        (lambda: cte(Line, "best").titel, "did you mean `title`?"),
        (lambda: subquery(POSTS, "p").scoer, "did you mean `score`?"),
        (lambda: source(Post, "archive").scoer, "did you mean `score`?"),
    ],
)
def test_a_join_that_means_nothing_is_refused(build, message: str):
    with pytest.raises(EctypeError) as caught:
        build()
    assert message in str(caught.value)


def test_joins_are_shown_as_the_code_that_made_them():
    one = newest(2)
    queries = {
        "from_(Comment).right_join(Post, on=Post.id == Comment.post_id)": from_(Comment).right_join(Comment.post),
        "from_(Post).cross_join(User)": POSTS.cross_join(User),
        "from_(Post).join(User, on=(User.id == Post.author_id) & (User.name == 'x'))": POSTS.join(
            Post.author, on=User.name == "x"
        ),
        "from_(Post).join(from_(User).limit(3), on=User.id == Post.author_id)": POSTS.join(
            from_(User).limit(3), on=User.id == Post.author_id
        ),
        "from_(Post).left_join(from_(User).where(User.id > 3), on=u.id == 1, as_=u)": POSTS.left_join(
            from_(User).where(User.id > 3), as_=alias(User, "u"), on=alias(User, "u").id == 1
        ),
        "from_(Post).join(subquery(from_(Comment).where(Comment.post_id == outer(Post.id))"
        ".order_by(Comment.id.desc()).limit(2), 'newest'), lateral=True)": POSTS.join(one, lateral=True),
    }
    for text, query in queries.items():
        assert repr(query) == text

"""Joins: by an association, on a condition, of one table twice, and of what an outer join may leave out."""

import pytest

from ectype import QueryError, alias, from_, maybe, subquery
from tests.dialects.expecting import ExpectSql
from tests.dialects.world import Branch, Comment, Line, Post, User

POSTS = from_(Post)


def test_an_association_knows_its_condition(expect_sql: ExpectSql):
    expect_sql(
        POSTS.join(Post.author).select(Post.title, User.name),
        'SELECT "p0"."title", "u1"."name" FROM "posts" AS "p0" JOIN "users" AS "u1" ON "u1"."id" = "p0"."author_id"',
        rows=[("Engines", "Ann"), ("Notes", "Ann"), ("Bees", "Ben"), ("100% wool", "Cleo")],
    )
    expect_sql(
        POSTS.join(Post.comments).select(Post.id, Comment.id),
        'SELECT "p0"."id", "c1"."id" FROM "posts" AS "p0" JOIN "comments" AS "c1" ON "c1"."post_id" = "p0"."id"',
    )
    expect_sql(
        POSTS.join(Post.author).join(Post.comments).select(User.id, Comment.id),
        'SELECT "u1"."id", "c2"."id" FROM "posts" AS "p0" '
        'JOIN "users" AS "u1" ON "u1"."id" = "p0"."author_id" '
        'JOIN "comments" AS "c2" ON "c2"."post_id" = "p0"."id"',
    )


def test_a_join_goes_on_from_what_was_joined(expect_sql: ExpectSql):
    expect_sql(
        from_(Comment).join(Comment.post).join(Post.author).select(User.name),
        'SELECT "u2"."name" FROM "comments" AS "c0" JOIN "posts" AS "p1" ON "p1"."id" = "c0"."post_id" '
        'JOIN "users" AS "u2" ON "u2"."id" = "p1"."author_id"',
    )


def test_a_schema_is_joined_on_a_condition(expect_sql: ExpectSql):
    query = POSTS.join(User, on=(User.id == Post.author_id) & (User.name != "x"))
    expect_sql(
        query.select(Post.id),
        'SELECT "p0"."id" FROM "posts" AS "p0" '
        'JOIN "users" AS "u1" ON ("u1"."id" = "p0"."author_id") AND ("u1"."name" <> $1)',
        params=("x",),
    )


def test_a_table_is_joined_twice_under_another_name(expect_sql: ExpectSql):
    manager = alias(User, "manager")
    expect_sql(
        from_(User).join(manager, on=User.manager_id == manager.id).select(User.name, manager.name),
        'SELECT "u0"."name", "m1"."name" FROM "users" AS "u0" JOIN "users" AS "m1" ON "u0"."manager_id" = "m1"."id"',
    )
    expect_sql(
        from_(User).join(User.manager, as_=manager).where(manager.name == "Ada").select(User.id),
        'SELECT "u0"."id" FROM "users" AS "u0" JOIN "users" AS "m1" ON "m1"."id" = "u0"."manager_id" '
        'WHERE "m1"."name" = $1',
        params=("Ada",),
    )
    boss = alias(User, "boss")
    query = from_(User).join(User.manager, as_=manager).left_join(manager.manager, as_=boss)
    expect_sql(
        query.select(User.id, maybe(boss.id)),
        'SELECT "u0"."id", "b2"."id" FROM "users" AS "u0" '
        'JOIN "users" AS "m1" ON "m1"."id" = "u0"."manager_id" '
        'LEFT JOIN "users" AS "b2" ON "b2"."id" = "m1"."manager_id"',
    )
    expect_sql(
        from_(manager).where(manager.id == 1).select(manager.name),
        'SELECT "m0"."name" FROM "users" AS "m0" WHERE "m0"."id" = $1',
        params=(1,),
    )


def test_a_left_join_keeps_rows_without_a_partner(expect_sql: ExpectSql):
    expect_sql(
        POSTS.left_join(Post.comments).select(Post.id, maybe(Comment.body)),
        'SELECT "p0"."id", "c1"."body" FROM "posts" AS "p0" LEFT JOIN "comments" AS "c1" ON "c1"."post_id" = "p0"."id"',
    )
    on = (Comment.post_id == Post.id) & (Comment.likes > 3)
    expect_sql(
        POSTS.left_join(Comment, on=on).where(Comment.id.is_null()).select(Post.id),
        'SELECT "p0"."id" FROM "posts" AS "p0" '
        'LEFT JOIN "comments" AS "c1" ON ("c1"."post_id" = "p0"."id") AND ("c1"."likes" > $1) WHERE "c1"."id" IS NULL',
        params=(3,),
    )


def test_whole_structs_are_selected_from_both_sides(expect_sql: ExpectSql):
    expect_sql(
        from_(Comment).left_join(Comment.post).left_join(Post.author).select(Comment, maybe(User)),
        'SELECT "c0"."id", "c0"."body", "c0"."likes", "c0"."post_id", "u2"."id", "u2"."name", "u2"."role", '
        '"u2"."password", "u2"."manager_id" FROM "comments" AS "c0" '
        'LEFT JOIN "posts" AS "p1" ON "p1"."id" = "c0"."post_id" '
        'LEFT JOIN "users" AS "u2" ON "u2"."id" = "p1"."author_id"',
    )


def test_a_subquery_is_joined_with_its_own_parameters(expect_sql: ExpectSql):
    liked = subquery(from_(Comment).where(Comment.likes > 3), "liked")
    query = POSTS.where(Post.score > 1).join(liked, on=(liked.post_id == Post.id) & (liked.likes < 9))
    expect_sql(
        query.where(Post.score < 5).select(Post.id, liked.body),
        'SELECT "p0"."id", "l1"."body" FROM "posts" AS "p0" '
        'JOIN (SELECT "c0"."id" AS "id", "c0"."body" AS "body", "c0"."likes" AS "likes", '
        '"c0"."post_id" AS "post_id" FROM "comments" AS "c0" '
        'WHERE "c0"."likes" > $2) AS "l1" ON ("l1"."post_id" = "p0"."id") AND ("l1"."likes" < $3) '
        'WHERE ("p0"."score" > $1) AND ("p0"."score" < $4)',
        params=(1, 3, 9, 5),
    )


def test_a_subquery_stands_in_for_an_association(expect_sql: ExpectSql):
    liked = subquery(from_(Comment).where(Comment.likes > 3), "liked")
    expect_sql(
        POSTS.join(Post.comments, as_=liked).select(Post.id, liked.body),
        'SELECT "p0"."id", "l1"."body" FROM "posts" AS "p0" '
        'JOIN (SELECT "c0"."id" AS "id", "c0"."body" AS "body", "c0"."likes" AS "likes", '
        '"c0"."post_id" AS "post_id" FROM "comments" AS "c0" '
        'WHERE "c0"."likes" > $1) AS "l1" ON "l1"."post_id" = "p0"."id"',
        params=(3,),
    )


def test_a_column_of_a_table_that_is_not_joined_is_refused():
    with pytest.raises(QueryError) as caught:
        POSTS.where(User.name == "Ada")
    assert str(caught.value) == (
        "`where` mentions User, which is not in this query: in scope are Post\n\n"
        "hint: join it first, as in `.join(Post.…)`; inside a subquery mark a column of the enclosing query: "
        "`outer(User.…)`"
    )


@pytest.mark.parametrize(
    "build",
    [
        lambda: POSTS.select(User.name),
        lambda: POSTS.order_by(User.name.desc()),
        lambda: POSTS.group_by(User.id),
        lambda: POSTS.having(User.id > 1),
        lambda: POSTS.select(User),
        lambda: POSTS.join(Comment, on=Comment.id == User.id),
        lambda: POSTS.join(alias(User, "manager"), on=User.id == Post.author_id),
        lambda: from_(alias(Post, "other")).where(Post.id == 1),
    ],
)
def test_no_clause_takes_a_table_that_is_not_joined(build):
    with pytest.raises(QueryError, match="which is not in this query"):
        build()


def test_a_schema_joined_twice_needs_a_name():
    with pytest.raises(QueryError) as caught:
        POSTS.join(Post.author).join(User, on=User.id == Post.id)
    assert str(caught.value) == (
        "User is in this query already, so its columns would be ambiguous\n\n"
        "hint: read it under another name:\n\n"
        '    other = alias(User, "other")\n'
        "    query.join(other, on=…)      # or .join(Post.author, as_=other)"
    )
    with pytest.raises(QueryError, match="User is in this query already"):
        from_(User).join(User.manager)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: POSTS.join(User), "joining User needs its condition, got on=None"),
        (lambda: POSTS.join(User, on=True), "joining User needs its condition, got on=True"),
        (lambda: POSTS.join(Post.author, on=True), "the condition that adds to `Post.author` is an expression"),
        (lambda: POSTS.join(Post.author, as_=alias(Comment, "c")), "leads to User, so `as_` cannot be an alias of"),
        (lambda: POSTS.join(User, on=User.id == 1, as_=alias(User, "u")), "`as_` names an association's schema"),
        (lambda: POSTS.join(Comment.post), "`Comment.post` cannot be joined: Comment is not in this query"),
        (lambda: POSTS.join(Post.comments.limit(3)), "a join takes one plain association, got Post.comments"),
        (lambda: POSTS.join(Post.author / User.posts), "a join takes one plain association"),
        (lambda: POSTS.join(Line, on=Line.title == Post.title), "Line has no table, so there is nothing to read"),
        (lambda: POSTS.join([User]), "a schema, alias, subquery or CTE was expected, got"),
        (lambda: POSTS.join("users"), "a schema, alias, subquery or CTE was expected, got 'users'"),
        (lambda: from_(Branch), "Branch has no table, so there is nothing to read"),
        (lambda: from_("users"), "`from_` takes a schema, got 'users'"),
        (lambda: maybe("users"), "a schema, alias, subquery or CTE was expected, got 'users'"),
    ],
)
def test_a_join_that_means_nothing_is_refused(build, message: str):
    with pytest.raises(QueryError) as caught:
        build()
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["", "two words", "1st", 'a"b'])
def test_an_alias_is_named_like_a_variable(name: str):
    with pytest.raises(QueryError, match="an alias is named like a variable"):
        alias(User, name)

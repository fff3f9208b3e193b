"""INSERT, UPDATE and DELETE, of one row, of many, and on conflict."""

from datetime import UTC, datetime

import pytest

from ectype import (
    QueryError,
    alias,
    do_nothing,
    do_update,
    excluded,
    exists,
    fn,
    from_,
    literal,
    outer,
    replace,
    replace_all,
    replace_all_except,
    scalar,
    subquery,
)
from tests.dialects.expecting import ExpectSql, Refused
from tests.dialects.world import Comment, Line, Page, Post, Reading, User
from tests.dialects.writing import delete_all, insert, insert_all, keyed, update_all

POSTS = from_(Post)
USERS = from_(User)
AT = datetime(2024, 2, 29, 12, 30, tzinfo=UTC)


def test_an_insert_sends_what_it_is_given(expect_sql: ExpectSql):
    expect_sql(insert(User, {"name": "Ada", "password": None}), "@@")
    expect_sql(insert(Post, {"title": "x", "slug": "y", "score": 3, "author_id": 1, "meta": {}, "tags": ["a"]}), "@@")


def test_an_insert_of_nothing_takes_every_default(expect_sql: ExpectSql):
    expect_sql(insert(User, {}, returning=("id",)), "@@")


def test_an_insert_reads_back_what_the_database_fills(expect_sql: ExpectSql):
    expect_sql(insert(Post, {"title": "x", "posted_at": AT}, returning=("id", "posted_at", "slug")), "@@")


def test_a_conflict_is_ignored(expect_sql: ExpectSql):
    expect_sql(insert(User, {"name": "Ada"}, do_nothing()), "@@")
    expect_sql(insert(User, {"name": "Ada"}, do_nothing(), (User.name,), returning=("id",)), "@@")


def test_a_conflict_replaces_columns(expect_sql: ExpectSql):
    given = {"title": "x", "slug": "y", "score": 1}
    expect_sql(insert(Post, given, replace(Post.title, Post.score), (Post.slug,)), "@@")
    expect_sql(insert(Post, given, replace_all(), (Post.slug,)), "@@")
    expect_sql(insert(Post, given, replace_all_except(Post.score), (Post.slug,)), "@@")


def test_a_conflict_updates_by_expressions(expect_sql: ExpectSql):
    given = {"title": "x", "slug": "y", "score": 1}
    action = do_update(Post.score.inc(2), Post.title.set(excluded(Post.title)), Post.rating.set(None))
    expect_sql(insert(Post, given, action, (Post.slug,)), "@@")
    higher = do_update(Post.score.set(excluded(Post.score) + Post.score), where=Post.score < 10)
    expect_sql(insert(Post, given, higher, (Post.slug,), returning=("id",)), "@@")
    counted = do_update(Post.score.set(scalar(from_(Comment).select(fn.sum(Comment.likes)))))
    expect_sql(insert(Post, given, counted, (Post.slug,)), "@@")


def test_an_upsert_tells_what_it_did_where_the_database_can(expect_sql: ExpectSql):
    written = insert(User, {"name": "Ada"}, replace(User.name), (User.name,), returning=("id",), told=True)
    expect_sql(written, "@@")


def test_an_upsert_of_no_values_is_refused(expect_sql: ExpectSql):
    expect_sql(insert(User, {}, do_nothing()), Refused(QueryError, "an upsert of User sends no values"))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: insert(User, {"name": "x"}, None, (User.name,)), "a conflict target without `on_conflict` does nothing"),
        (lambda: insert(User, {"name": "x"}, replace(User.name)), "an upsert that updates needs its conflict target"),
        (lambda: insert(User, {"name": "x"}, replace_all(), (User.name,)), "leaves no column of User to write"),
        (lambda: insert(User, {"name": "x"}, replace(Post.title), (User.name,)), "Post.title is no column of User"),
        (lambda: insert(User, {"name": "x"}, do_nothing(), (Post.slug,)), "Post.slug is no column of User"),
        (lambda: insert(User, {"name": "x"}, do_nothing(), ("name",)), "'name' is no column of User"),
        (lambda: insert(Post, {"title": "x"}, replace(Post.excerpt), (Post.slug,)), "`Post.excerpt` is virtual"),
        (
            lambda: insert(Post, {"title": "x"}, do_update(Post.excerpt.set("x")), (Post.slug,)),
            "`Post.excerpt` is virtual",
        ),
        (
            lambda: insert(User, {"name": "x"}, do_update(Post.score.inc(1)), (User.name,)),
            "assigns to another schema than User",
        ),
        (
            lambda: insert(User, {"name": "x"}, do_update(User.name.set(Post.title)), (User.name,)),
            "`do_update` on User mentions Post, which an insert cannot read",
        ),
        (
            lambda: insert(User, {"name": "x"}, do_update(User.name.set("y"), where=Post.id > 1), (User.name,)),
            "`do_update` on User mentions Post, which an insert cannot read",
        ),
        (lambda: replace(), "`replace` needs at least one column"),
        (lambda: do_update(), "`do_update` needs at least one assignment"),
    ],
)
def test_a_conflict_that_means_nothing_is_refused(build, message: str):
    with pytest.raises(QueryError) as caught:
        build()
    assert message in str(caught.value)


def test_excluded_exists_in_an_upsert_only():
    with pytest.raises(QueryError, match="`where` mentions excluded, which is not in this query"):
        POSTS.where(excluded(Post.title) == "x")


def test_actions_print_as_they_were_written():
    assert repr(do_nothing()) == "do_nothing()"
    assert repr(replace(Post.title)) == "replace(Post.title)"
    assert repr(replace_all_except(Post.title)) == "replace_all_except(Post.title)"
    assert repr(do_update(Post.title.set("x"))) == "do_update(<Post.title.set(…)>)"


def test_one_row_is_written_by_its_key(expect_sql: ExpectSql):
    expect_sql(keyed("update", User, {"name": "Ada"}, {"id": 1}), "@@")
    expect_sql(keyed("update", Post, {"slug": "x", "posted_at": AT}, {"id": 1}, returning=("posted_at",)), "@@")
    expect_sql(keyed("delete", User, {}, {"id": 1}), "@@")
    expect_sql(keyed("delete", Reading, {}, {"sensor": 1, "hour": 2}), "@@")


def test_all_rows_of_a_query_are_updated(expect_sql: ExpectSql):
    expect_sql(update_all(POSTS, Post.title.set("x")), "@@")
    expect_sql(update_all(POSTS.where(Post.id > 3, Post.score < 9), Post.score.inc(1), Post.rating.set(None)), "@@")
    expect_sql(update_all(POSTS.where(Post.id == 1), Post.slug.set(fn.lower(Post.title)), returning=("id",)), "@@")
    expect_sql(update_all(POSTS, Post.score.set(Post.score * 2 + 1), Post.posted_at.set(AT)), "@@")


def test_rows_are_chosen_by_subqueries(expect_sql: ExpectSql):
    authors = USERS.where(User.name == "Ada").select(User.id)
    expect_sql(update_all(POSTS.where(Post.author_id.in_(authors)), Post.score.set(0)), "@@")
    comments = from_(Comment).where(Comment.post_id == outer(Post.id), Comment.likes > 3)
    expect_sql(delete_all(POSTS.where(~exists(comments), Post.score < 3)), "@@")
    likes = from_(Comment).where(Comment.post_id == outer(Post.id)).select(fn.sum(Comment.likes))
    expect_sql(update_all(POSTS.where(Post.id > 1), Post.score.set(fn.coalesce(scalar(likes), 0))), "@@")


def test_an_alias_may_be_written_through(expect_sql: ExpectSql):
    other = alias(Post, "other")
    expect_sql(update_all(from_(other).where(other.id == 1), Post.title.set("x"), other.score.inc(1)), "@@")
    expect_sql(delete_all(from_(other).where(other.id == 1)), "@@")


def test_all_rows_of_a_query_are_deleted(expect_sql: ExpectSql):
    expect_sql(delete_all(from_(Comment)), "@@")
    expect_sql(delete_all(from_(Comment).where(Comment.likes < 3), returning=("id", "body")), "@@")


@pytest.mark.parametrize(
    ("query", "step"),
    [
        (POSTS.limit(3), "limit"),
        (POSTS.order_by(Post.id), "order"),
        (POSTS.join(Post.author), "join"),
        (POSTS.select(Post.id), "select"),
        (POSTS.distinct(), "distinct"),
        (from_(subquery(POSTS, "best")), "from"),
    ],
)
def test_more_than_conditions_is_refused_with_the_way_round_it(query, step: str, expect_sql: ExpectSql):
    message = f"takes a query of one table with `where` only, and this one has `{step}`"
    expect_sql(delete_all(query), Refused(QueryError, f"`delete_all` {message}"))
    expect_sql(update_all(query, Post.score.set(1)), Refused(QueryError, f"`update_all` {message}"))


@pytest.mark.parametrize(
    ("assignments", "message"),
    [
        ((), "nothing is assigned"),
        (("title",), "an assignment was expected, got 'title'"),
        ((User.name.set("x"),), "assigns to another schema than Post"),
        ((Post.excerpt.set("x"),), "`Post.excerpt` is virtual"),
        ((Post.score.inc(1), Post.score.set(2)), "`Post.score` is assigned twice"),
        ((Post.title.set(User.name),), "User is not in this query, so `User.name` means nothing"),
        ((Post.title.set(Post.excerpt),), "`Post.excerpt` is virtual"),
    ],
)
def test_an_assignment_that_means_nothing_is_refused(assignments, message: str, expect_sql: ExpectSql):
    given = [one for one in assignments if not isinstance(one, str)]
    written = update_all(POSTS, *given) if given == list(assignments) else None
    if written is None:
        with pytest.raises((QueryError, AttributeError)):
            update_all(POSTS, *assignments)
        return
    expect_sql(written, Refused(QueryError, message))


def test_many_rows_are_one_shape_where_the_database_takes_arrays(expect_sql: ExpectSql):
    columns = {"name": ["a", "b"], "password": ["x", None], "manager_id": [None, 1]}
    expect_sql(insert_all(User, columns, returning=("id",)), "@@", NO_ARRAYS)
    arrays = {"title": ["x"], "tags": [["a,b", 'c"d']], "meta": [{"a": 1}], "digest": [b"\0"], "posted_at": [AT]}
    expect_sql(insert_all(Post, arrays), "@@", NO_ARRAYS)
    expect_sql(insert_all(User, {"name": ["a"]}, do_nothing(), (User.name,)), "@@", NO_ARRAYS)
    action = do_update(User.password.set("secret"), User.name.set(excluded(User.name)))
    expect_sql(insert_all(User, {"name": ["a"]}, action, (User.name,), returning=("id",)), "@@", NO_ARRAYS)


NO_ARRAYS = Refused(QueryError, "TODO")


def test_rows_without_columns_are_refused(expect_sql: ExpectSql):
    expect_sql(insert_all(User, {}), Refused(QueryError, "the rows for User have no columns"))


def test_a_prefix_stands_before_every_table(expect_sql: ExpectSql):
    expect_sql(insert(User, {"name": "x"}, prefix="wiki"), "@@")
    expect_sql(insert(Page, {"path": "/"}, prefix="other"), "@@")
    expect_sql(keyed("delete", User, {}, {"id": 1}, prefix="wiki"), "@@")
    inner = USERS.where(User.name == "x").select(User.id)
    expect_sql(update_all(POSTS.where(Post.author_id.in_(inner)), Post.score.set(1), prefix="wiki"), "@@")
    counted = do_update(Post.score.set(scalar(USERS.select(fn.count()))))
    expect_sql(insert(Post, {"slug": "x"}, counted, (Post.slug,), prefix="wiki"), "@@")


def test_a_shape_is_not_written(expect_sql: ExpectSql):
    expect_sql(insert(Line, {"title": "x"}), Refused(QueryError, "Line has no table, so nothing can be written"))


def test_a_literal_may_be_assigned(expect_sql: ExpectSql):
    expect_sql(update_all(POSTS, Post.score.set(literal(3))), "@@")

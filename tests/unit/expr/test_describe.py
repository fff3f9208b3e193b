"""`repr` of expressions: the code that makes them, so that it can be read, pasted and run."""

import datetime as datetime_module
from datetime import UTC, datetime
from typing import Any

import pytest

import ectype
from ectype import alias, and_, do_update, exists, fn, fragment, from_, literal, maybe, or_, outer, scalar, window
from ectype.errors import QueryError
from tests.dialects import world
from tests.dialects.world import Comment, Post, Role, User

NAMES = {**{name: getattr(ectype, name) for name in ectype.__all__}, **vars(world), "datetime": datetime_module}

EXPRESSIONS = [
    (Post.score, "Post.score"),
    (Post.score == 3, "Post.score == 3"),
    (Post.score != Post.id, "Post.score != Post.id"),
    ((Post.score > 1) & (Post.score < 9), "(Post.score > 1) & (Post.score < 9)"),
    (~(Post.score > 1) | Post.title.is_null(), "(~(Post.score > 1)) | Post.title.is_null()"),
    (~Post.title.is_not_null(), "~Post.title.is_not_null()"),
    ((Post.score + 1) * -Post.id, "(Post.score + 1) * (-Post.id)"),
    (-(Post.score - 1), "-(Post.score - 1)"),
    ((Post.score / 2).is_null(), "(Post.score / 2).is_null()"),
    (Post.title.like("a%"), "Post.title.like('a%')"),
    (fn.lower(Post.title).ilike("a%"), "fn.lower(Post.title).ilike('a%')"),
    (fn.concat(Post.title, "x").like("a%"), "fn.concat(Post.title, 'x').like('a%')"),
    (Post.id.in_([1, 2]), "Post.id.in_([1, 2])"),
    ((Post.id % 2).in_([1]), "(Post.id % 2).in_([1])"),
    (Post.rating.set(None).node and fn.coalesce(Post.rating, None), "fn.coalesce(Post.rating, None)"),
    (fn.count(Post.id, distinct=True).filter(Post.draft == True), None),  # noqa: E712
    (fn.substring(Post.title, 1, 3), "fn.substring(Post.title, 1, 3)"),
    (fn.count(), "fn.count()"),
    (literal("new"), "literal('new')"),
    (literal(None), "None"),
    (and_(), "True"),
    (or_(), "False"),
    (fragment("lower({}) || '{{}}'", Post.title), "fragment(\"lower({}) || '{{}}'\", Post.title)"),
    (fragment("now()"), "fragment('now()')"),
    (Post.score.as_type(str), "Post.score.as_type(str)"),
    ((Post.score + 1).as_type(float), "(Post.score + 1).as_type(float)"),
    (fn.row_number().over(window()), "fn.row_number().over(window())"),
    (
        fn.sum(Post.score).over(
            window(partition_by=[Post.author_id], order_by=[Post.id.desc(nulls="last")], frame=fn.rows(None, 0))
        ),
        "fn.sum(Post.score).over(window(partition_by=[Post.author_id], order_by=[Post.id.desc(nulls='last')], "
        "frame=fn.rows(None, 0)))",
    ),
    (Post.author_id.in_(from_(User).select(User.id)), "Post.author_id.in_(…)"),
    (exists(from_(Comment)), "exists(…)"),
    (scalar(from_(Comment).select(Comment.id)) == 3, "scalar(…) == 3"),
    (Comment.post_id == outer(Post.id), "Comment.post_id == outer(Post.id)"),
    (alias(Post, "other").score > 3, "other.score > 3"),
    (User.role == Role.ADMIN, "User.role == <Role.ADMIN: 'admin'>"),
    (Post.posted_at == datetime(2024, 2, 29, tzinfo=UTC), None),
]


@pytest.mark.parametrize(("expression", "text"), EXPRESSIONS, ids=[str(text) for _, text in EXPRESSIONS])
def test_an_expression_prints_as_the_code_that_makes_it(expression: Any, text: str | None):
    if text is not None:
        assert repr(expression) == text


@pytest.mark.parametrize(
    "expression",
    [
        expression
        for expression, text in EXPRESSIONS
        if text is None or not any(mark in text for mark in ("…", "<", "other.", "None", "True", "False"))
    ],
    ids=repr,
)
def test_that_code_makes_the_same_shape_and_values(expression: Any):
    again = eval(repr(expression), NAMES)
    assert again.node is expression.node
    assert again.params == expression.params


def test_a_long_value_is_cut():
    assert repr(Post.title == "x" * 200) == f"Post.title == '{'x' * 76}..."


SECRET = "hunter2"


@pytest.mark.parametrize(
    "expression",
    [
        User.password == SECRET,
        literal(SECRET) == User.password,
        User.password != SECRET,
        User.password.like(SECRET),
        User.password.in_([SECRET]),
        fn.lower(User.password) == SECRET,
        fn.coalesce(User.password, SECRET),
        fragment("crypt({}, {})", User.password, SECRET),
        (fn.concat(User.password, SECRET) == SECRET) & (User.id == 1),
        ~(User.password > SECRET),
        User.password.between(SECRET, SECRET),
        fn.count(User.id).filter(User.password == SECRET),
        alias(User, "other").password == SECRET,
        exists(from_(User).where(User.password == SECRET)),
    ],
    ids=repr,
)
def test_a_value_beside_a_redacted_column_is_never_shown(expression: Any):
    assert SECRET not in repr(expression)
    assert SECRET not in repr((expression == expression) & (User.id == 1))


def test_values_beside_other_columns_stay_readable():
    both = (User.password == SECRET) & (User.name == "Ada")
    assert repr(both) == "(User.password == <redacted>) & (User.name == 'Ada')"


def test_an_assignment_shows_no_value():
    assert repr(User.password.set(SECRET)) == "<User.password.set(…)>"
    assert SECRET not in repr(do_update(User.password.set(SECRET)))


def test_an_expression_in_an_if_is_refused_with_the_way_to_combine_it():
    with pytest.raises(QueryError) as caught:
        Post.score > 3 and Post.score < 9
    assert str(caught.value) == (
        "an expression has no truth value in Python: Post.score > 3\n\n"
        "hint: combine conditions with `&`, `|` and `~`, and put each comparison in parentheses:\n\n"
        "    (Post.score > 3) & (Post.score < 9)      # not `and`, not 3 < Post.score < 9"
    )


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Post.rating == None, "`=` with None is never true in SQL: Post.rating\n\nhint: use `.is_null()` or"),  # noqa: E711
        (lambda: Post.rating != None, "`<>` with None is never true in SQL"),  # noqa: E711
        (lambda: Post.rating > None, "`>` with None is never true in SQL"),
        (lambda: Post.title.like(None), "`LIKE` with None is never true in SQL"),
        (lambda: Post.score + None, "`+` with None is always NULL in SQL: Post.score"),
        (lambda: Post.score.inc(None), "`+` with None is always NULL in SQL: Post.score"),
        (lambda: (Post.score > 3) & True, "`&` takes expressions, got True"),
        (lambda: (Post.score > 3) | "x", "`|` takes expressions, got 'x'"),
        (lambda: and_(True), "`&` takes expressions, got True"),
        (lambda: or_(Post.score > 3, 3), "`|` takes expressions, got 3"),
    ],
)
def test_what_python_would_take_silently_is_refused(build: Any, message: str):
    with pytest.raises(QueryError) as caught:
        build()
    assert message in str(caught.value)


def test_maybe_of_a_schema_prints_so():
    assert repr(from_(Post).left_join(Post.author).select(maybe(User))) == (
        "from_(Post).left_join(User, on=User.id == Post.author_id).select(maybe(User))"
    )

"""Queries as values: they never change, they print as their code, and each keeps its own parameters."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ectype
from ectype import (
    Query,
    SchemaError,
    alias,
    cte,
    exists,
    fn,
    from_,
    literal,
    outer,
    subquery,
)
from ectype.sql.dialect import POSTGRES
from tests.dialects import world
from tests.dialects.world import Branch, Comment, Post, User

NAMES = {**{name: getattr(ectype, name) for name in ectype.__all__}, **vars(world)}

STEPS: list[Callable[[Any, int], Any]] = [
    lambda query, value: query.where(Post.score > value),
    lambda query, value: query.where(Post.id.in_([value]), Post.title != str(value)),
    lambda query, value: query.having(fn.count() > value),
    lambda query, value: query.group_by(Post.id, Post.score + value),
    lambda query, value: query.order_by(Post.score - value, Post.title.desc(nulls="last")),
    lambda query, value: query.limit(value),
    lambda query, value: query.offset(value),
    lambda query, value: query.distinct(),
    lambda query, value: query.preload(Post.author),
    lambda query, value: query.union_all(from_(Post).where(Post.id == value)),
    lambda query, value: query.where(exists(from_(Comment).where(Comment.post_id == outer(Post.id)))),
    lambda query, value: query.scope(lambda one: one.where(Post.id != value)),
    lambda query, value: query.pipe(lambda one, more: one.where(Post.id > more), value),
]


def _state(query: Query[Any, Any, Any]) -> tuple[Any, ...]:
    return query.node, query.params, query.preloads, repr(query)


@given(steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 99)), max_size=8))
def test_a_builder_never_changes_what_it_is_called_on(steps: list[tuple[Any, int]]):
    query: Any = from_(Post)
    for step, value in steps:
        before = _state(query)
        grown = step(query, value)
        assert _state(query) == before
        assert grown is not query
        query = grown


@given(steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 99)), max_size=8))
def test_the_same_steps_make_the_same_shape_with_their_own_values(steps: list[tuple[Any, int]]):
    one: Any = from_(Post)
    other: Any = from_(Post)
    for step, value in steps:
        one, other = step(one, value), step(other, value + 1)
    assert one.node is other.node
    assert len(one.params) == len(other.params)


QUERIES = [
    "from_(Post)",
    "from_(Post).where(Post.score > 3).limit(5)",
    "from_(Post).where(Post.id == 1).order_by(Post.id.desc()).order_by(Post.title).offset(3).distinct()",
    "from_(Post).group_by(Post.author_id).having(fn.count() > 3).select(Post.author_id, fn.count())",
    "from_(Post).join(User, on=User.id == Post.author_id).select(User, Post.title)",
    "from_(Post).left_join(Comment, on=Comment.post_id == Post.id).select(Post.id, maybe(Comment))",
    "from_(Post).project(Line(title=Post.title, count=literal(3)))",
    "from_(Post).select_into(dict, Post.title)",
    "from_(Post).where(exists(from_(Comment).where(Comment.post_id == outer(Post.id)).where(Comment.likes > 3)))",
    "from_(Post).where(Post.author_id.in_(from_(User).where(User.id == 3).select(User.id)))",
    "from_(Post).where(Post.id == 1).union(from_(Post).where(Post.id == 2))",
    "from_(Post).except_(from_(Post)).intersect(from_(Post)).union_all(from_(Post).where(Post.id == 1))",
    "from_(subquery(from_(Post).where(Post.score > 3), 'best'))",
    "from_(Post).select(fn.row_number().over(window(order_by=[Post.id])))",
]


@pytest.mark.parametrize("code", QUERIES)
def test_a_query_prints_as_the_code_that_makes_it(code: str):
    query = eval(code, NAMES)
    assert repr(query) == code
    again = eval(repr(query), NAMES)
    assert again.node is query.node
    assert again.params == query.params


def test_what_has_a_name_prints_by_it():
    best = subquery(from_(Post).where(Post.score > 3), "best")
    assert repr(from_(best).where(best.id == 1)) == (
        "from_(subquery(from_(Post).where(Post.score > 3), 'best')).where(best.id == 1)"
    )
    tree = cte(Branch, "tree")
    query = from_(tree).with_cte(tree, from_(User).project(Branch(id=User.id, depth=literal(0))), recursive=True)
    assert repr(query) == (
        "from_(tree).with_cte(tree, from_(User).project(Branch(id=User.id, depth=literal(0))), recursive=True)"
    )
    boss = alias(User, "boss")
    assert repr(from_(User).join(User.manager, as_=boss)) == "from_(User).join(boss, on=boss.id == User.manager_id)"
    assert repr(from_(Post).preload(Post.author, Post.comments)) == "from_(Post).preload(Post.author, Post.comments)"
    assert repr(best) == "<alias best of Post>"


def test_values_of_redacted_fields_are_not_printed():
    assert repr(from_(User).where(User.password == "x")) == "from_(User).where(User.password == <redacted>)"


def test_aliases_do_what_the_schema_does_in_queries_only():
    boss = alias(User, "boss")
    with pytest.raises(SchemaError, match="`boss` is an alias in a query: make structs with User itself"):
        boss(id=1)
    with pytest.raises(AttributeError) as caught:
        _ = boss.nmae
    assert str(caught.value) == "`nmae` does not exist in the alias `boss` of User\n\nhint: did you mean `name`?"
    assert isinstance(caught.value, SchemaError)
    assert not hasattr(boss, "model_fields")
    assert not hasattr(boss, "__wrapped__")


def test_a_growing_query_keeps_the_order_of_its_values():
    query = from_(Post).where(Post.id == 1).limit(2).where(Post.id != 3).offset(4)
    assert query.params == (1, 2, 3, 4)
    assert query.limit(5).params == (1, 5, 3, 4)
    assert query.offset(6).params == (1, 2, 3, 6)
    assert query.limit(5).node is query.node
    assert query.to_sql(POSTGRES)[1] == (1, 2, 3, 4)

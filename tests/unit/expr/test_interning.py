"""Shapes: equal structure is the identical node, values never enter it, and what grows is bounded."""

import copy
import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectype import (
    POSTGRES,
    Field,
    Schema,
    alias,
    and_,
    cte,
    exists,
    field,
    fn,
    fragment,
    from_,
    literal,
    maybe,
    outer,
    primary_key,
    scalar,
    subquery,
    window,
)
from ectype.errors import QueryError
from ectype.expr import nodes
from tests.dialects.world import Branch, Comment, Post, User

Build = Callable[[Any], Any]

SHAPES: list[Build] = [
    lambda value: Post.score == value,
    lambda value: (Post.score + value) * Post.id > value,
    lambda value: ~((Post.score > value) & (Post.id < value)) | Post.title.is_null(),
    lambda value: Post.score.between(value, value),
    lambda value: Post.score.in_([value] * (value % 3)),
    lambda value: -Post.score % (Post.id - value),
    lambda value: fn.coalesce(Post.rating, float(value)),
    lambda value: fn.sum(Post.score).filter(Post.score > value).over(window(partition_by=Post.id - value)),
    lambda value: fn.lag(Post.score, value).over(window(order_by=Post.id.desc(nulls="last"), frame=fn.rows(-2, 0))),
    lambda value: fragment("f({}, {})", Post.score, value),
    lambda value: literal(value) == Post.score,
    lambda value: literal(value) + value,
    lambda value: exists(from_(Comment).where(Comment.post_id == outer(Post.id), Comment.likes > value)),
    lambda value: scalar(from_(Comment).where(Comment.likes > value).select(fn.count())),
    lambda value: Post.score.as_type(str),
    lambda value: from_(Post).where(Post.score > value).order_by(Post.id.desc(), Post.title).limit(value).offset(value),
    lambda value: from_(Post).join(Post.author).left_join(Post.comments).select(User.name, maybe(Comment.body)),
    lambda value: from_(Post).group_by(Post.score + value).having(fn.count() > value).distinct(),
    lambda value: from_(subquery(from_(Post).where(Post.score > value), "best")),
    lambda value: from_(User).join(alias(User, "boss"), on=alias(User, "boss").id == value),
    lambda value: from_(Post).where(Post.id == value).union(from_(Post).where(Post.id == value)),
    lambda value: from_(Post).where(Post.slug.set(str(value)).node is not None and Post.id == value),
    lambda value: from_(cte(Branch, "tree")).with_cte(
        cte(Branch, "tree"), from_(User).project(Branch(id=User.id, depth=value)), recursive=True
    ),
]


@given(build=st.sampled_from(SHAPES), first=st.integers(0, 2**40), second=st.integers(0, 2**40))
def test_equal_structure_is_the_identical_node_whatever_the_values(build: Build, first: int, second: int):
    assert build(first).node is build(second).node


@given(first=st.sampled_from(range(len(SHAPES))), second=st.sampled_from(range(len(SHAPES))))
def test_different_structure_is_another_node(first: int, second: int):
    assert (SHAPES[first](1).node is SHAPES[second](1).node) == (first == second)


def test_values_are_found_beside_the_node_only():
    secret = 918_273_645
    node = ((Post.score == secret) & Post.score.in_([secret])).node
    assert not any(secret in (value, getattr(value, "value", None)) for value in _reached(node))


def _reached(node: nodes.Node) -> Iterator[object]:
    for slot in {slot for one in type(node).__mro__ for slot in getattr(one, "__slots__", ())} - {"kids", "root"}:
        value = getattr(node, slot)
        yield value
        if isinstance(value, nodes.Node):
            yield from _reached(value)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Post.rating.set(1.5), Post.rating.set(None)),
        (Post.rating.set(1.5), Post.rating.set(Post.rating)),
        (Post.rating == 1.5, Post.rating == Post.score),
        (Post.rating == 1.5, Post.rating.is_null()),
        (Post.score == 1, Post.score.in_([1])),
        (fn.coalesce(Post.rating, 1.5), fn.coalesce(Post.rating, None)),
        (literal(1), literal("1")),
        (literal(1), literal(1.0)),
        (literal(1), literal(True)),
        (literal(None), literal(1)),
        (Post.id.desc(), Post.id.asc()),
        (Post.id.desc(), Post.id.desc(nulls="last")),
        (fn.count(Post.id), fn.count(Post.id, distinct=True)),
        (Post.id == alias(Post, "other").id, Post.id == Post.id),
    ],
)
def test_the_class_of_a_value_picks_the_shape(one: Any, other: Any):
    assert one.node is not other.node


def test_an_alias_is_one_object_by_its_name():
    assert alias(User, "boss") is alias(User, "boss")
    assert alias(User, "boss") is not alias(User, "chief")
    assert cte(Branch, "tree") is cte(Branch, "tree")
    assert cte(Branch, "tree") is not alias(Post, "tree")


def _table() -> Any:
    class Item(Schema, table="items"):
        id: Field[int] = primary_key()
        name: Field[str] = field(default="")

    return Item


def _grow(model: Any, count: int, start: int = 0) -> None:
    for number in range(start, start + count):
        from_(model).where(fragment(f"{{}} > {number}", model.id)).where(model.name == "x")


def _size(*tops: nodes.Node) -> int:
    """How many nodes are reached from these by growing."""
    return sum(1 + _size(*(kid for kid in top.kids.values() if isinstance(kid, nodes.Node))) for top in tops)


def _held(model: Any) -> int:
    return _size(*model.__schema__.root.tops)


def test_a_root_that_has_grown_too_far_starts_anew(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(nodes, "GROWTH_LIMIT", 100)
    item = _table()
    largest = 0
    for start in range(0, 1_000, 10):
        _grow(item, 10, start)
        largest = max(largest, _held(item))
    assert item.__schema__.root.generation >= 10
    assert largest <= 100 + len(item.__schema__.root.tops)


def test_a_prefix_that_is_never_grown_itself_forgets_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(nodes, "GROWTH_LIMIT", 100)
    item = _table()
    for first in range(20):
        base = from_(item).where(fragment(f"{{}} = {first}", item.id))
        for number in range(40):
            base.where(fragment(f"{{}} > {number}", item.id))
    gc.collect()
    assert _held(item) <= 100 + len(item.__schema__.root.tops)


def test_old_queries_still_run_and_grow_after_a_new_start(monkeypatch: pytest.MonkeyPatch):
    item = _table()
    old = from_(item).where(item.id > 1)
    text = old.to_sql(POSTGRES)
    monkeypatch.setattr(nodes, "GROWTH_LIMIT", 50)
    _grow(item, 100)
    assert old.to_sql(POSTGRES) == text
    grown = old.where(item.name == "x").limit(3)
    assert grown.to_sql(POSTGRES)[1] == (1, "x", 3)
    assert grown.node is old.where(item.name == "y").limit(4).node
    assert from_(item).where(item.id > 2).to_sql(POSTGRES)[0] == text[0]


def test_a_new_start_makes_new_shapes_that_are_equal_to_each_other(monkeypatch: pytest.MonkeyPatch):
    item = _table()
    before = (item.id > 1).node
    monkeypatch.setattr(nodes, "GROWTH_LIMIT", 10)
    _grow(item, 20)
    assert (item.id > 1).node is not before
    assert (item.id > 1).node is (item.id > 2).node


def test_what_mentions_no_table_is_bounded_too(monkeypatch: pytest.MonkeyPatch):
    for top in nodes.ground.root.tops:  # given back afterwards
        monkeypatch.setattr(top, "kids", top.kids)
    monkeypatch.setattr(nodes, "GROWTH_LIMIT", nodes.ground.root.count + 50)
    generation = nodes.ground.root.generation
    for number in range(200):
        fragment(f"{number} + {{}}", 1)
    assert nodes.ground.root.generation > generation
    assert literal(1).node is literal(2).node
    assert len(nodes.ground.kids) < 60 + nodes.GROWTH_LIMIT


def test_a_schema_that_nobody_uses_is_freed_with_all_its_shapes():
    def use() -> weakref.ref[Any]:
        item = _table()
        other = alias(item, "other")
        query = from_(item).where(literal(1) + item.id > 2, item.id.in_([1])).join(other, on=literal(2) < other.id)
        best = subquery(from_(item).where(and_(item.id > 1, item.name == "x")), "best")
        query.select(fn.coalesce(literal("x"), item.name), exists(from_(best))).to_sql(POSTGRES)
        from_(cte(item, "tree")).to_sql(POSTGRES)
        return weakref.ref(item)

    reference = use()
    gc.collect()
    assert reference() is None


def test_queries_never_change_and_are_copied_as_they_are():
    query = from_(Post).where(Post.id == 1).preload(Post.author)
    for copied in (copy.copy(query), copy.deepcopy(query)):
        assert copied.params == query.params
    with pytest.raises(QueryError, match="an expression has no truth value in Python"):
        bool(Post.id == 1)

"""A query prints as the code that makes it: what is printed makes the identical shape with the same values."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ectype
from ectype import alias, cte, exists, fn, fragment, from_, literal, outer, scalar, subquery, window
from tests.dialects import world
from tests.dialects.world import Branch, Comment, Line, Post, User

boss = alias(User, "boss")
tree = cte(Branch, "tree")
gone = cte(Comment, "gone")
best = subquery(from_(Post).where(Post.score > 3), "best")

NAMES = {**{name: getattr(ectype, name) for name in ectype.__all__}, **vars(world)}
NAMES |= {"boss": boss, "tree": tree, "gone": gone, "best": best}

numbers = st.integers(-5, 99)
counts = st.integers(0, 99)
texts = st.text(max_size=12)
sides = st.sampled_from([None, "first", "last"])


def _unary(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        inner.map(lambda one: ~one),
        st.tuples(inner, inner).map(lambda two: two[0] & two[1]),
        st.tuples(inner, inner).map(lambda two: two[0] | two[1]),
    )


columns = st.sampled_from([Post.id, Post.score, Post.author_id])
values: st.SearchStrategy[Any] = st.one_of(
    columns,
    st.tuples(columns, numbers).map(lambda two: two[0] + two[1]),
    st.tuples(columns, columns).map(lambda two: two[0] - two[1]),
    columns.map(lambda one: -one),
    columns.map(lambda one: fn.coalesce(one, 0)),
    columns.map(lambda one: one.as_type(float)),
    counts.map(literal),
)
windows = st.builds(
    lambda parts, key, frame, name: (
        window(partition_by=parts, order_by=key, frame=frame).named(name)
        if name
        else window(partition_by=parts, order_by=key, frame=frame)
    ),
    st.lists(columns, max_size=2),
    columns,
    st.sampled_from(
        [None, fn.rows(-3, 0), fn.range_(-3, None, exclude="ties"), fn.groups(None, 0), fn.rows(0, 2, exclude="group")]
    ),
    st.sampled_from([None, "w"]),
)
computed = st.one_of(
    values,
    columns.map(fn.max),
    st.tuples(columns, numbers).map(lambda two: fn.sum(two[0]).filter(Post.score > two[1])),
    windows.map(lambda one: fn.row_number().over(one)),
    st.tuples(columns, windows).map(lambda two: fn.count(two[0]).over(two[1])),
    counts.map(lambda one: scalar(from_(Comment).where(Comment.likes > one).select(fn.count()))),
)
comparisons: st.SearchStrategy[Any] = st.one_of(
    st.tuples(values, numbers).map(lambda two: two[0] > two[1]),
    st.tuples(values, columns).map(lambda two: two[0] == two[1]),
    texts.map(lambda one: Post.title != one),
    texts.map(Post.title.ilike),
    st.lists(numbers, max_size=3).map(Post.id.in_),
    st.just(Post.rating.is_null()),
    counts.map(lambda one: Post.id.in_(from_(Comment).where(Comment.likes < one).select(Comment.post_id))),
    counts.map(lambda one: exists(from_(Comment).where(Comment.post_id == outer(Post.id), Comment.likes > one))),
)
predicates = st.recursive(comparisons, _unary, max_leaves=4)
orders: st.SearchStrategy[Any] = st.one_of(
    values,
    st.tuples(values, sides).map(lambda two: two[0].asc(nulls=two[1])),
    st.tuples(values, sides).map(lambda two: two[0].desc(nulls=two[1])),
)


def _method(name: str, *args: st.SearchStrategy[Any], **options: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A step that calls a method with drawn arguments."""
    return st.tuples(st.tuples(*args), st.fixed_dictionaries(options)).map(
        lambda drawn: lambda query: getattr(query, name)(*drawn[0], **drawn[1])
    )


whole = counts.map(lambda one: fn.coalesce(scalar(from_(Comment).where(Comment.likes > one).select(fn.count())), one))
other = counts.map(lambda one: from_(Post).where(Post.score < one).limit(one))
waits = st.sampled_from([{}, {"skip_locked": True}, {"nowait": True}, {"of": Post}, {"of": [Post], "nowait": True}])
steps = st.one_of(
    *(_method(name, predicates) for name in ("where", "or_where", "having", "or_having")),
    _method("where", predicates, predicates),
    _method("or_where", predicates, predicates),
    *(_method(name, orders) for name in ("order_by", "prepend_order_by")),
    _method("prepend_order_by", orders, orders),
    _method("group_by", values),
    _method("reverse_order"),
    _method("first"),
    _method("limit", counts),
    _method("limit", counts, with_ties=st.just(value=True)),
    _method("offset", counts),
    *(_method(name, whole) for name in ("limit", "offset")),
    *(_method(name, other) for name in ("union", "union_all", "intersect", "intersect_all", "except_", "except_all")),
    st.tuples(st.sampled_from(["for_update", "for_no_key_update", "for_share", "for_key_share"]), waits).map(
        lambda two: lambda query: getattr(query, two[0])(**two[1])
    ),
    _method("with_cte", st.just(gone), counts.map(lambda one: from_(Comment).where(Comment.likes > one))),
    _method(
        "with_cte",
        st.just(gone),
        counts.map(lambda one: from_(Comment).where(Comment.likes > one)),
        update=st.tuples(counts, texts).map(lambda two: [Comment.likes.inc(two[0]), Comment.body.set(two[1])]),
    ),
    _method("with_cte", st.just(gone), st.just(from_(Comment)), delete=st.just(value=True)),
    _method("with_cte", st.just(gone), counts.map(lambda one: fragment("SELECT * FROM comments WHERE id > {}", one))),
    _method("preload", st.just(Post.author)),
)
joins: list[Callable[[Any], Any]] = [
    lambda query: query.join(Post.author),
    lambda query: query.left_join(Post.author, as_=boss),
    lambda query: query.join(Post.author).join(User.manager, as_=boss),
    lambda query: query.left_join(Post.comments),
    lambda query: query.join(Post.author, on=User.id > 3).cross_join(boss),
    lambda query: query.right_join(Post.author).prefix("wiki"),
    lambda query: query.full_join(User, on=User.id == Post.author_id),
    lambda query: query.join(best, on=best.id == Post.id),
    lambda query: query.join(gone, on=(gone.post_id == Post.id) & (gone.likes > 3)),
    lambda query: query,
]
endings = st.one_of(
    st.just(lambda query: query),
    _method("distinct"),
    _method("distinct", orders, orders),
    st.lists(computed, min_size=1, max_size=3).map(lambda items: lambda query: query.exclude("preload").select(*items)),
    st.tuples(texts, computed).map(
        lambda two: lambda query: query.exclude("preload").project(Line(title=two[0], count=two[1]))
    ),
    st.just(lambda query: query.exclude("preload").select_into(dict, Post.id)),
    st.just(lambda query: query.select(Post)),
)


@given(st.sampled_from(joins), st.lists(steps, max_size=5), endings)
def test_what_is_printed_makes_the_same_query(join: Any, grown: list[Any], ending: Any):
    def made() -> Any:
        query = join(from_(Post))
        for step in grown:
            query = step(query)
        return ending(query)

    query = made()
    again = eval(repr(query), NAMES)
    if again.node is not query.node:
        # After many thousand shapes a schema begins anew, and it may have been between these two.
        query = made()
        again = eval(repr(query), NAMES)
    assert again.node is query.node
    assert again.params == query.params
    assert again.preloads == query.preloads


QUERIES = [
    "from_(Post).or_where((Post.id == 1) & (Post.score > 2)).or_having(fn.count() > 3)",
    "from_(Post).order_by(Post.id).prepend_order_by(Post.score.desc(), Post.title).reverse_order()",
    "from_(Post).distinct(Post.author_id, Post.score.desc()).limit(3, with_ties=True)",
    "from_(Post).intersect_all(from_(Post)).except_all(from_(Post).where(Post.id == 1))",
    "from_(Post).for_update().for_share(of=Post, skip_locked=True)",
    "from_(Post).join(User, on=User.id == Post.author_id).for_no_key_update(of=[Post, User], nowait=True)",
    "from_(Post).left_join(boss, on=boss.id == Post.author_id).for_key_share(of=Post)",
    "from_(Post).select(fn.count().over(window(order_by=[Post.id], "
    "frame=fn.range_(-3, None, exclude='current row')).named('w')))",
    "from_(gone).with_cte(gone, from_(Comment).where(Comment.id == 1), update=[Comment.likes.set(Comment.likes + 2)])",
    "from_(gone).with_cte(gone, from_(Comment), delete=True)",
    "from_(tree).with_cte(tree, fragment('SELECT {} AS id, {} AS depth', 1, identifier('x')), recursive=True, "
    "materialized=False)",
    "from_(Post).order_by(Post.id).limit(scalar(from_(User).select(fn.count())), with_ties=True)",
    "from_(Post).limit(literal(2)).offset(fragment('{} + {}', 1, 2)).where(Post.id == 3)",
]


@pytest.mark.parametrize("code", QUERIES)
def test_every_clause_prints_as_its_method(code: str):
    assert repr(eval(code, NAMES)) == code


def test_what_a_cte_writes_into_a_redacted_field_is_not_printed():
    users = cte(User, "people")
    update = [User.password.set("secret"), User.name.set("Ann")]
    query = from_(users).with_cte(users, from_(User).where(User.id == 1), update=update)
    assert "secret" not in repr(query)
    assert "User.password.set(<redacted>), User.name.set('Ann')" in repr(query)

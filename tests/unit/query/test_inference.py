"""Which type an expression has: what its loader and the values beside it follow."""

from decimal import Decimal
from typing import Any

import pytest

from ectype import exists, fn, fragment, from_, literal, scalar, window
from ectype.query.inference import type_of
from tests.dialects.world import Comment, Post, User

TYPES = [
    (Post.score, "integer"),
    (Post.rating + 1.5, "float"),
    (Post.score + Post.rating, "float"),
    (Post.score * Post.price, "decimal"),
    (Post.price * Post.score, "decimal"),
    (Post.rating * Post.score, "float"),
    (-Post.rating, "float"),
    (literal(2) * Post.score, "integer"),
    (fragment("x") + Post.score, "integer"),
    (Post.score - fragment("x"), "integer"),
    (Post.posted_at - Post.posted_at, "duration"),
    (Post.posted_at - Post.took, "datetime"),
    (Post.took + Post.posted_at, "datetime"),
    (Post.day - Post.day, "integer"),
    (Post.score - Post.score, "integer"),
    (Post.took - Post.took, "duration"),
    (Post.score > 3, "boolean"),
    (~(Post.score > 3), "boolean"),
    ((Post.score > 3) & Post.draft, "boolean"),
    (Post.rating.is_null(), "boolean"),
    (Post.id.in_([1]), "boolean"),
    (exists(from_(Comment)), "boolean"),
    (Post.id.in_(from_(Comment).select(Comment.post_id)), "boolean"),
    (literal(None).is_null(), "boolean"),
    (fn.concat(Post.title, "x"), "string"),
    (fn.upper(User.role), "string"),
    (fn.substring(User.role, 1, 2), "string"),
    (fn.length(Post.title), "integer"),
    (fn.count(), "integer"),
    (fn.sum(Post.score), "integer"),
    (fn.sum(Post.rating), "float"),
    (fn.avg(Post.score), "decimal"),
    (fn.avg(Post.rating), "float"),
    (fn.max(Post.posted_at), "datetime"),
    (fn.coalesce(Post.key, None), "uuid"),
    (fn.row_number().over(window()), "integer"),
    (fn.lag(Post.title).over(window()), "string"),
    (scalar(from_(Comment).select(fn.max(Comment.likes))), "integer"),
    (literal(Decimal(1)), "decimal"),
    (Post.title.as_type(int), "integer"),
    (fragment("now()"), None),
    (literal(None), None),
    (scalar(from_(Comment)), None),
    (scalar(from_(Comment).select(Comment)), None),
]


@pytest.mark.parametrize(("expression", "name"), TYPES, ids=[repr(one) for one, _ in TYPES])
def test_an_expression_has_the_type_that_sql_gives_it(expression: Any, name: str | None):
    found = type_of(expression.node)
    assert (None if found is None else found.name) == name


def test_the_scale_of_a_decimal_is_kept():
    assert type_of((Post.score * Post.price).node) == type_of(Post.price.node)
    assert type_of(fn.sum(Post.price).node) == type_of(Post.price.node)

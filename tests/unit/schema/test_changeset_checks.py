"""The behaviours of changesets that users of Ecto check first, one test a check; those that need a database stand in
`tests/integration/repo`. A departure from Ecto is written beside the test.
"""

from decimal import Decimal
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectype import BelongsTo, HasMany, belongs_to, has_many
from ectype.errors import SchemaError
from ectype.schema.changeset import change
from ectype.schema.field_error import Error
from ectype.schema.fields import Field, field, primary_key
from ectype.schema.schema import Schema


class Comment(Schema, table="comments"):
    id: Field[int] = primary_key()
    post_id: Field[int]
    post: "BelongsTo[Post]" = belongs_to()


class Post(Schema, table="posts"):
    id: Field[int] = primary_key()
    title: Field[str | None] = field(default=None)
    visits: Field[int] = field(default=0)
    price: Field[Decimal | None] = field(default=None)
    password: Field[str | None] = field(virtual=True, redact=True, default=None)
    terms: Field[bool | None] = field(virtual=True, default=None)
    comments: HasMany[Comment] = has_many()


def test_check_9_only_permitted_params_count_and_an_empty_one_is_the_default():
    changeset = change(Post).cast({"title": "", "visits": "7", "admin": "true"}, Post.title, Post.visits)
    assert (changeset.changes, changeset.valid) == ({"visits": 7}, True)


def test_check_10_a_param_that_does_not_fit_is_an_error_and_no_change():
    changeset = change(Post).cast({"visits": "7x"}, Post.visits)
    assert (changeset.valid, changeset.changes) == (False, {})
    assert changeset.errors == (("visits", Error("is invalid", type="integer", validation="cast")),)


@pytest.mark.parametrize(
    ("wrong", "hint"), [("titel", "did you mean `title`?"), (Post.comments, "`cast_assoc(Post.comments)` for params")]
)
def test_check_11_what_is_no_field_cannot_be_permitted(wrong: Any, hint: str):
    for params in ({}, {"titel": "x"}, None):
        with pytest.raises(SchemaError) as refused:
            change(Post).cast(params, wrong)
        assert hint in (refused.value.hint or "")


def test_check_12_values_are_compared_as_their_type_compares():
    assert change(Post(price=Decimal(1))).cast({"price": "1.00"}, Post.price).changes == {}


def test_check_13_casting_back_to_the_stored_value_leaves_no_change():
    # Departure: Ecto keeps a change that equals the stored value.
    begun = change(Post(title="Old")).cast({"title": "New"}, Post.title)
    assert begun.cast({"title": "Old"}, Post.title).changes == {}


def test_check_14_only_required_looks_at_what_is_stored():
    assert change(Post(title="x")).validate_length(Post.title, min=3).valid
    assert change(Post()).validate_required(Post.title).errors == (
        ("title", Error("can't be blank", validation="required")),
    )


def test_check_15_a_missing_confirmation_passes_and_a_missing_acceptance_does_not():
    begun = change(Post).cast({"password": "x"}, Post.password)
    assert begun.validate_confirmation(Post.password).valid
    assert begun.validate_acceptance(Post.terms).traverse_errors() == {"terms": ["must be accepted"]}


def test_check_16_errors_are_told_in_the_order_in_which_they_were_added():
    changeset = (
        change(Post)
        .put_change(Post.title, "x")
        .validate_length(Post.title, min=3)
        .validate_format(Post.title, "y")
        .add_error(Post.visits, "are few")
    )
    assert changeset.traverse_errors() == {
        "title": ["should be at least 3 character(s)", "has invalid format"],
        "visits": ["are few"],
    }


NAMES = ("id", "title", "visits", "price", "password", "terms")


@given(
    st.dictionaries(
        st.sampled_from([*NAMES, "comments", "post_id", "_meta", "__class__", "admin"]),
        st.one_of(st.none(), st.text(max_size=5), st.integers(), st.booleans(), st.lists(st.integers(), max_size=2)),
    ),
    st.sets(st.sampled_from(NAMES)),
    st.booleans(),
)
def test_whatever_is_sent_only_permitted_fields_ever_change(
    params: dict[str, object], permitted: set[str], force: bool
):
    columns = [cast("Any", getattr(Post, name)) for name in permitted]
    changeset = change(Post(id=1, title="Old")).cast(params, *columns, force_changes=force)
    assert changeset.changes.keys() <= permitted & params.keys()
    assert {name for name, _ in changeset.errors} <= permitted & params.keys()
    applied = changeset.apply_changes()
    for name in set(NAMES) - permitted:
        assert getattr(applied, name) == getattr(changeset.data, name)

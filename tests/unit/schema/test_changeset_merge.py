"""Two changesets of one struct in one, and the rest of what reads and edits them."""

from typing import Any

import pytest

from ectype.errors import SchemaError
from ectype.schema.changeset import change
from ectype.schema.field_error import Error
from ectype.schema.fields import Field, field, primary_key
from ectype.schema.schema import Schema


class Post(Schema, table="posts"):
    id: Field[int] = primary_key()
    title: Field[str]
    visits: Field[int | None] = field(default=None)
    lock: Field[int] = field(default=1)
    draft: Field[int] = field(virtual=True, default=1)


class Note(Schema, table="notes"):
    id: Field[int] = primary_key()
    title: Field[str]


def prepared(changeset: Any, repo: Any) -> Any:
    return changeset


def test_everything_of_both_is_kept_and_the_second_wins():
    post = Post(id=1, title="Old")
    first = (
        change(post)
        .cast({"title": "a", "visits": "x"}, Post.title, Post.visits)
        .validate_required(Post.title)
        .validate_length(Post.title, min=3)
        .unique_constraint(Post.title)
        .optimistic_lock(Post.lock)
        .prepare_changes(prepared)
    )
    second = (
        change(Post(id=1, title="Old"))
        .cast({"title": "b", "lock": "2"}, Post.title, Post.lock)
        .validate_required(Post.title, Post.lock)
        .validate_length(Post.title, min=3)
        .validate_number(Post.lock, less_than=1)
        .unique_constraint(Post.lock)
        .prepare_changes(prepared)
        .with_action("insert")
    )
    merged = first.merge(second)
    assert merged.data is post
    assert merged.changes == {"title": "b", "lock": 2}
    assert merged.params == {"title": "b", "visits": "x", "lock": "2"}
    assert [(key, error.code) for key, error in merged.errors] == [
        ("visits", "cast"),
        ("title", "length.min"),
        ("lock", "number.less_than"),
    ]
    assert merged.required == ("title", "lock")
    assert merged.uncast == ("visits",)
    assert [one.kind for one in merged.validations] == ["length", "length", "number"]
    assert [one.field for one in merged.constraints] == ["title", "lock"]
    assert [one.field for one in merged.locks] == ["lock"]
    assert merged.preparations == (prepared, prepared)
    assert (merged.valid, merged.action) == (False, "insert")
    assert change(post).merge(change(post)).valid
    assert change(post).merge(first).params == first.params
    assert not first.merge(change(post)).valid


def test_what_only_the_second_has_comes_along():
    begun = change(Post(id=1, title="Old"))
    second = begun.cast({"visits": "x"}, Post.visits).optimistic_lock(Post.lock)
    merged = begun.merge(second)
    assert [one.field for one in merged.locks] == ["lock"]
    assert merged.uncast == ("visits",)
    # A failed cast has spoken for its field, whichever of the two it was in.
    assert merged.validate_change(Post.visits, lambda _: "no").errors == second.errors
    assert merged.merge(second).errors == second.errors


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (change(Post(id=2, title="Old")), "are of different data"),
        (change(Note(id=1, title="Old")), "are of different data: Post and Note"),
        (change(Post(id=1, title="Old")).with_action("update"), "have different actions: 'insert' and 'update'"),
        (Post(id=1, title="Old"), "`merge` takes a changeset"),
        (None, "`merge` takes a changeset, got None"),
    ],
)
def test_what_does_not_belong_together_is_not_merged(other: Any, message: str):
    with pytest.raises(SchemaError, match=message):
        change(Post(id=1, title="Old")).with_action("insert").merge(other)


def test_fetch_field_says_where_a_value_stands():
    begun = change(Post(visits=None)).put_change(Post.title, "x")
    assert begun.fetch_field(Post.title) == ("changes", "x")
    assert begun.fetch_field(Post.visits) == ("data", None)
    assert begun.fetch_field(Post.id) is None
    assert change(Post(visits=3)).put_change(Post.visits, None).fetch_field(Post.visits) == ("changes", None)


@pytest.mark.parametrize(("value", "missing"), [(None, True), ("", True), (" \n", True), ("x", False)])
def test_a_field_is_missing_when_required_would_refuse_it(value: Any, missing: bool):
    begun = change(Post(title="Old")).force_change(Post.title, value)
    assert begun.field_missing(Post.title) is missing
    assert begun.validate_required(Post.title).valid is not missing
    assert change(Post).field_missing(Post.title)
    assert not change(Post).field_missing(Post.lock)


def test_the_message_of_an_error_is_a_text():
    with pytest.raises(SchemaError, match="the message of an error is a text, got 3"):
        change(Post).add_error(Post.title, 3)  # type: ignore[arg-type]
    assert change(Post).add_error(Post.title, "x", count=1).errors == (("title", Error("x", count=1)),)


def test_a_virtual_field_cannot_be_locked():
    with pytest.raises(SchemaError, match="it is virtual, so no row has it"):
        change(Post).optimistic_lock(Post.draft)

"""Validations of lists, of params, and of how long a text is for people."""

import time
from decimal import Decimal
from typing import Any

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from ectype.errors import SchemaError
from ectype.schema.changeset import Changeset, change
from ectype.schema.field_error import Error
from ectype.schema.fields import Field, field, primary_key
from ectype.schema.graphemes import MOST_SCANNED, count_graphemes
from ectype.schema.schema import Schema


class Post(Schema, table="posts"):
    id: Field[int] = primary_key()
    title: Field[str | None] = field(default=None)
    tags: Field[list[str]] = field(default_factory=list)
    prices: Field[list[Decimal] | None] = field(default=None)
    anything: Field[list[Any] | None] = field(default=None)
    password: Field[str | None] = field(virtual=True, redact=True, default=None)


def put(name: str, value: object) -> Changeset[Post]:
    return change(Post).force_change(getattr(Post, name), value)


# --- subset


def test_subset_refuses_a_list_with_an_entry_that_is_not_one_of_the_values():
    assert put("tags", ["a", "b", "a"]).validate_subset(Post.tags, ["a", "b"]).valid
    assert put("tags", []).validate_subset(Post.tags, ["a"]).valid
    changeset = put("tags", ["a", "c"]).validate_subset(Post.tags, ["a", "b"])
    assert changeset.errors == (("tags", Error("has an invalid entry", validation="subset", enum=("a", "b"))),)
    assert changeset.validations == (("tags", "subset", ("a", "b")),)


def test_subset_compares_as_the_type_of_the_elements_does():
    assert put("prices", [Decimal("1.0")]).validate_subset(Post.prices, [Decimal("1.00")]).valid
    assert put("anything", [True]).validate_subset(Post.anything, [True, "x"]).valid
    assert not put("anything", [2]).validate_subset(Post.anything, [True]).valid
    assert not put("anything", [1]).validate_subset(Post.anything, [True]).valid
    assert change(Post(tags=["x"])).validate_subset(Post.tags, ["a"]).valid
    assert put("prices", None).validate_subset(Post.prices, []).valid


def test_subset_is_for_lists():
    with pytest.raises(SchemaError, match="`validate_subset` is for lists"):
        put("title", "a").validate_subset(Post.title, ["a"])  # type: ignore[call-overload]
    with pytest.raises(SchemaError, match="`validate_subset` takes a list of values"):
        change(Post).validate_subset(Post.tags, "ab")


# --- confirmation and acceptance


def sent(**params: object) -> Changeset[Post]:
    return change(Post).cast(params, Post.password, Post.title)


def test_confirmation_compares_params_as_they_came():
    assert sent(password=" x", password_confirmation=" x").validate_confirmation(Post.password).valid
    changeset = sent(password="x", password_confirmation="y").validate_confirmation(Post.password)
    assert changeset.errors == (
        ("password_confirmation", Error("does not match confirmation", validation="confirmation")),
    )
    assert not sent(password_confirmation="y").validate_confirmation(Post.password).valid
    assert not sent(title="1", title_confirmation=1).validate_confirmation(Post.title).valid
    assert changeset.validations == (("password", "confirmation", (("required", False),)),)


def test_a_missing_confirmation_is_refused_when_it_is_required():
    assert sent(password="x").validate_confirmation(Post.password).valid
    changeset = sent(password="x").validate_confirmation(Post.password, required=True)
    assert changeset.errors == (("password_confirmation", Error("can't be blank", validation="required")),)
    assert change(Post).validate_confirmation(Post.password, required=True).valid
    told = sent(password="x", password_confirmation="y").validate_confirmation(
        Post.password, message=("no", {"code": 1})
    )
    assert told.errors[0][1] == Error("no", validation="confirmation", code=1)


@pytest.mark.parametrize("yes", [True, "true", "1"])
def test_acceptance_takes_what_casts_to_true(yes: object):
    assert sent(terms=yes).validate_acceptance("terms").valid


@pytest.mark.parametrize("no", [False, "false", "0", "", None, "yes", 1, [True]])
def test_acceptance_refuses_everything_else(no: object):
    changeset = sent(terms=no).validate_acceptance("terms")
    assert changeset.errors == (("terms", Error("must be accepted", validation="acceptance")),)
    assert sent().validate_acceptance("terms", message="read them").traverse_errors() == {"terms": ["read them"]}
    assert change(Post).validate_acceptance("terms").valid


def test_change_remembers_metadata():
    changeset = put("title", "x").validate_change(Post.title, lambda _: None, meta={"strict": True})
    assert changeset.validations == (("title", "change", {"strict": True}),)
    assert put("title", "x").validate_change(Post.title, lambda _: None).validations == ()


# --- reflection


def test_validations_are_traversed_by_field():
    changeset = put("title", "x").validate_length(Post.title, min=3).validate_subset(Post.tags, ["a"])
    assert changeset.traverse_validations() == {"title": [("length", (("min", 3),))], "tags": [("subset", ("a",))]}
    assert changeset.traverse_validations(lambda one: one.kind) == {"title": ["length"], "tags": ["subset"]}
    assert changeset.traverse_validations(lambda whole, name, one: (whole.valid, name, one.kind)) == {
        "title": [(False, "title", "length")],
        "tags": [(False, "tags", "subset")],
    }


def test_errors_are_traversed_with_the_changeset_and_the_key():
    changeset = put("title", "x").validate_length(Post.title, min=3)
    assert changeset.traverse_errors(lambda whole, key, error: (whole is changeset, key, error.code)) == {
        "title": [(True, "title", "length.min")]
    }
    assert changeset.traverse_errors(repr)["title"][0].startswith("Error(")


# --- graphemes

ONE = ["a", "é", "e\u0301", "👨‍👩‍👧‍👦", "🇩🇪", "👍🏽", "각", "\r\n", "नि", "\u0600a"]


@pytest.mark.parametrize("character", ONE)
def test_length_counts_what_people_see(character: str):
    assert count_graphemes(character, 9) == 1
    assert put("title", character).validate_length(Post.title, is_=1).valid
    assert put("title", character * 3).validate_length(Post.title, is_=3, max=3).valid
    assert put("title", character).validate_length(Post.title, is_=len(character), count="codepoints").valid
    ((_, error),) = put("title", character).validate_length(Post.title, min=2).errors
    assert error.meta == {"count": 2, "validation": "length", "kind": "min", "type": "string"}


# A regional indicator in front of a conjunct is where the library itself is not Unicode's rule.
PIECES = st.one_of(
    st.text(st.sampled_from("a\r\n 🇩🇪👨\u200d👩🏽\u0301é\u0600षि각ᄀ"), max_size=20),
    st.text(st.sampled_from("a 👨\u200d👩🏽\u0301é\u0600क्षि각ᄀ"), max_size=20),
)


@given(PIECES, st.integers(0, 25))
def test_graphemes_are_those_of_unicode_and_counted_no_further_than_needed(text: str, most: int):
    assert count_graphemes(text, most) == min(len(regex.findall(r"\X", text)), most + 1)


@pytest.mark.parametrize("repeated", ["🇩", "\u0301", "👨\u200d", "é", "क्", "\u0600", "ᄀ", "\u0600🇩"], ids=ascii)
@pytest.mark.parametrize("bounds", [{"max": 40}, {"min": 1}, {"min": 10_000_000}])
def test_no_text_stops_the_event_loop(repeated: str, bounds: dict[str, int]):
    changeset = put("title", "a" + repeated * 500_000)
    started = time.process_time()
    changeset.validate_length(Post.title, **bounds)
    assert time.process_time() - started < 2.5


def test_a_text_that_is_not_scanned_to_its_end_counts_as_long_as_it_is():
    marks = "a" + "\u0301" * (MOST_SCANNED + 9)
    assert count_graphemes(marks, 10**9) == 1 + 10

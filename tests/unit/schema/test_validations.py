"""Validations: what is refused, in which words, and when a field is not looked at."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectype.errors import SchemaError
from ectype.schema.changeset import Changeset, change
from ectype.schema.field_error import Error
from ectype.schema.fields import Field, field, primary_key
from ectype.schema.schema import Schema


class Post(Schema, table="posts"):
    id: Field[int] = primary_key()
    title: Field[str]
    body: Field[str | None] = field(default=None)
    visits: Field[int | None] = field(default=None)
    price: Field[Decimal | None] = field(default=None)
    ratio: Field[float | None] = field(default=None)
    at: Field[datetime | None] = field(default=None)
    raw: Field[bytes | None] = field(default=None)
    tags: Field[list[str]] = field(default_factory=list)
    meta: Field[dict[str, Any]] = field(default_factory=dict)
    pin: Field[str | None] = field(redact=True, default=None)


def put(name: str, value: object) -> Changeset[Post]:
    return change(Post).force_change(getattr(Post, name), value)


# --- required


@pytest.mark.parametrize("blank", [None, "", "  \n"])
def test_required_refuses_what_has_no_value_and_drops_its_change(blank: Any):
    changeset = put("body", blank).validate_required(Post.body)
    assert changeset.errors == (("body", Error("can't be blank", validation="required")),)
    assert changeset.changes == {}
    assert not changeset.valid
    assert changeset.required == ("body",)


def test_required_looks_at_the_struct_where_there_is_no_change():
    assert change(Post(title="Old")).validate_required(Post.title).valid
    changeset = change(Post).validate_required(Post.title, Post.body, Post.title)
    assert [name for name, _ in changeset.errors] == ["title", "body"]
    assert changeset.required == ("title", "body")
    assert changeset.validate_required(Post.body).required == ("title", "body")


def test_required_prefers_the_change_to_the_struct():
    cleared = change(Post(title="x", body="full")).put_change(Post.body, None)
    assert cleared.validate_required(Post.body).errors == (("body", Error("can't be blank", validation="required")),)


@pytest.mark.parametrize(("name", "value"), [("visits", 0), ("tags", []), ("raw", b""), ("body", "x")])
def test_required_takes_zero_and_empty_lists_for_values(name: str, value: Any):
    assert put(name, value).validate_required(getattr(Post, name)).valid


def test_required_adds_no_second_error_to_a_field():
    cast_failed = change(Post).cast({"visits": "x"}, Post.visits).validate_required(Post.visits)
    assert [error.meta["validation"] for _, error in cast_failed.errors] == ["cast"]
    odd = change(Post).add_error(Post.title, "is odd").validate_required(Post.title, Post.body)
    assert [str(error) for _, error in odd.errors] == ["is odd", "can't be blank"]


# --- messages


MESSAGES: list[tuple[Callable[..., Changeset[Post]], dict[str, Any]]] = [
    (lambda **o: change(Post).validate_required(Post.title, **o), {"validation": "required"}),
    (lambda **o: put("title", "x").validate_format(Post.title, "y", **o), {"validation": "format"}),
    (
        lambda **o: put("title", "x").validate_inclusion(Post.title, ["y"], **o),
        {"validation": "inclusion", "enum": ("y",)},
    ),
    (
        lambda **o: put("title", "x").validate_exclusion(Post.title, ["x"], **o),
        {"validation": "exclusion", "enum": ("x",)},
    ),
    (
        lambda **o: put("title", "x").validate_length(Post.title, min=2, **o),
        {"count": 2, "validation": "length", "kind": "min", "type": "string"},
    ),
    (
        lambda **o: put("visits", 1).validate_number(Post.visits, less_than=1, **o),
        {"validation": "number", "kind": "less_than", "number": 1},
    ),
]


@pytest.mark.parametrize(("validate", "meta"), MESSAGES)
def test_every_validation_takes_a_message_of_ones_own_and_keeps_its_metadata(
    validate: Callable[..., Changeset[Post]], meta: dict[str, Any]
):
    assert validate().errors[0][1].meta == meta
    assert validate(message="no way").errors[0][1] == Error("no way", **meta)
    assert validate(message=Error("no %{what}", what="way")).errors[0][1] == Error("no %{what}", **meta, what="way")


# --- change


def test_change_calls_the_function_for_a_change_that_is_not_none():
    seen: list[object] = []
    for begun in (change(Post(title="x")), put("body", None), put("title", "new")):
        begun.validate_change(Post.title, lambda value: cast("None", seen.append(value)))
    put("body", None).validate_change(Post.body, lambda value: cast("None", seen.append(value)))
    assert seen == ["new"]


@pytest.mark.parametrize(
    ("returned", "errors"),
    [
        (None, ()),
        ([], ()),
        ("is odd", (("title", Error("is odd")),)),
        (Error("is %{what}", what="odd"), (("title", Error("is %{what}", what="odd")),)),
        (
            [(Post.body, "is short"), ("base", Error("no", code=1))],
            (("body", Error("is short")), ("base", Error("no", code=1))),
        ),
        (((one, "x") for one in ("a", "b")), (("a", Error("x")), ("b", Error("x")))),
    ],
)
def test_change_adds_what_the_function_returns(returned: Any, errors: Any):
    changeset = put("title", "x").validate_change(Post.title, lambda _: returned)
    assert changeset.errors == errors
    assert changeset.valid is (not errors)


@pytest.mark.parametrize("returned", [3, True, ["is odd"], [("title", 3)], [("a", "b", "c")]])
def test_change_refuses_a_function_that_returns_something_else(returned: Any):
    with pytest.raises(SchemaError, match="a function of `validate_change` returned") as refused:
        put("title", "x").validate_change(Post.title, lambda _: returned)
    assert "return None when the value is fine" in str(refused.value)


# --- format


@pytest.mark.parametrize("pattern", [r"^\w+@\w+$", re.compile(r"^\w+@\w+$")])
def test_format_refuses_a_change_without_the_pattern(pattern: Any):
    assert put("title", "ada@example").validate_format(Post.title, pattern).valid
    changeset = put("title", "ada").validate_format(Post.title, pattern)
    assert changeset.errors == (("title", Error("has invalid format", validation="format")),)
    assert changeset.changes == {"title": "ada"}


def test_format_searches_and_leaves_what_is_not_changed():
    assert put("title", "x-ada-x").validate_format(Post.title, "ada").valid
    assert change(Post(title="bob")).validate_format(Post.title, "ada").valid
    assert put("body", None).validate_format(Post.body, "ada").valid


@pytest.mark.parametrize("pattern", ["(", 3])
def test_format_refuses_what_is_no_pattern(pattern: Any):
    with pytest.raises(SchemaError, match="is no regular expression"):
        change(Post).validate_format(Post.title, pattern)


# --- inclusion and exclusion


def test_inclusion_and_exclusion_compare_as_the_type_does():
    price = put("price", Decimal("1.00"))
    assert price.validate_inclusion(Post.price, [Decimal(1)]).valid
    assert price.validate_exclusion(Post.price, [Decimal(1)]).errors == (
        ("price", Error("is reserved", validation="exclusion", enum=(Decimal(1),))),
    )
    assert price.validate_inclusion(Post.price, {Decimal(2): "two"}).errors == (
        ("price", Error("is invalid", validation="inclusion", enum=(Decimal(2),))),
    )
    document = put("meta", {"a": 1})
    assert document.validate_exclusion(Post.meta, [{"a": True}]).valid


def test_inclusion_and_exclusion_leave_what_is_not_changed():
    assert change(Post(title="x")).validate_inclusion(Post.title, ["y"]).validate_exclusion(Post.title, ["x"]).valid


@pytest.mark.parametrize("values", ["xy", b"xy", 3, None])
@pytest.mark.parametrize("method", ["validate_inclusion", "validate_exclusion"])
def test_inclusion_and_exclusion_refuse_what_is_no_list_of_values(method: str, values: Any):
    with pytest.raises(SchemaError, match=f"`{method}` takes a list of values"):
        getattr(change(Post), method)(Post.title, values)


# --- length


LENGTHS = [
    ("title", "ab", {"min": 3}, "should be at least 3 character(s)", "min", "string"),
    ("title", "abcd", {"max": 3}, "should be at most 3 character(s)", "max", "string"),
    ("title", "ab", {"is_": 3}, "should be 3 character(s)", "is", "string"),
    ("title", "éé", {"max": 3, "count": "bytes"}, "should be at most 3 byte(s)", "max", "binary"),
    ("raw", b"ab", {"min": 3}, "should be at least 3 byte(s)", "min", "binary"),
    ("tags", ["a"], {"min": 3}, "should have at least 3 item(s)", "min", "list"),
    ("tags", ["a"] * 4, {"max": 3}, "should have at most 3 item(s)", "max", "list"),
    ("tags", ["a"], {"is_": 3}, "should have 3 item(s)", "is", "list"),
    ("meta", {"a": 1}, {"is_": 3}, "should have 3 item(s)", "is", "map"),
]


@pytest.mark.parametrize(("name", "value", "bounds", "text", "kind", "type_"), LENGTHS)
def test_length_refuses_in_the_words_of_the_kind_of_value(
    name: str, value: Any, bounds: dict[str, Any], text: str, kind: str, type_: str
):
    ((key, error),) = put(name, value).validate_length(getattr(Post, name), **bounds).errors
    assert (key, str(error)) == (name, text)
    assert error.meta == {"count": 3, "validation": "length", "kind": kind, "type": type_}
    assert "%{count}" in error.message


@pytest.mark.parametrize(("bounds", "kind"), [({"min": 9, "max": 9, "is_": 9}, "is"), ({"min": 9, "max": 9}, "min")])
def test_length_tells_the_first_bound_that_fails(bounds: dict[str, Any], kind: str):
    ((_, error),) = put("title", "x").validate_length(Post.title, **bounds).errors
    assert error.meta["kind"] == kind


@given(st.text(), st.integers(0, 9), st.integers(0, 9), st.sampled_from(["codepoints", "bytes"]))
def test_length_of_a_text_is_that_of_its_codepoints_or_of_its_utf8(text: str, low: int, more: int, count: Any):
    size = len(text) if count == "codepoints" else len(text.encode())
    changeset = put("title", text).validate_length(Post.title, min=low, max=low + more, count=count)
    assert changeset.valid is (low <= size <= low + more)


def test_length_leaves_what_is_not_changed():
    assert put("title", "ééé").validate_length(Post.title, is_=3).valid
    assert change(Post(title="x")).validate_length(Post.title, min=3).valid
    assert put("body", None).validate_length(Post.body, min=3).valid
    assert put("title", "").validate_length(Post.title, is_=0).valid


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({}, "`validate_length` needs a bound"),
        ({"min": -1}, "`min` of `validate_length` is a number of 0 or more, got -1"),
        ({"max": "3"}, "`max` of `validate_length` is a number of 0 or more, got '3'"),
        ({"is_": True}, "`is` of `validate_length` is a number of 0 or more, got True"),
        ({"is_": [1]}, "`is` of `validate_length` is a number of 0 or more"),
        ({"min": 3, "max": 2}, "nothing is at least 3 and at most 2 long"),
        ({"min": 3, "count": "letters"}, "`validate_length` does not count 'letters'"),
    ],
)
def test_length_refuses_bounds_that_mean_nothing(bounds: dict[str, Any], message: str):
    put("title", "x").validate_length(Post.title, is_=1)
    with pytest.raises(SchemaError, match=re.escape(message)):
        change(Post).validate_length(Post.title, **bounds)


# --- number


RULES = [
    ("less_than", 3, [2, 2.5, Decimal("2.9")], [3, 4], "must be less than 3"),
    ("greater_than", 3, [4, Decimal("3.1")], [3, 2], "must be greater than 3"),
    ("less_than_or_equal_to", 3, [3, Decimal("3.0"), 2], [4, 3.1], "must be less than or equal to 3"),
    ("greater_than_or_equal_to", 3, [3, 4], [2, 2.9], "must be greater than or equal to 3"),
    ("equal_to", 3, [3, 3.0, Decimal("3.00")], [2, 4], "must be equal to 3"),
    ("not_equal_to", 3, [2, 4], [3, Decimal("3.0")], "must be not equal to 3"),
]


@pytest.mark.parametrize(("rule", "bound", "good", "bad", "text"), RULES)
def test_number_holds_each_rule_for_each_kind_of_number(rule: str, bound: Any, good: Any, bad: Any, text: str):
    for value in good:
        assert put("price", value).validate_number(Post.price, **{rule: bound}).valid, value
    for value in bad:
        ((_, error),) = put("price", value).validate_number(Post.price, **{rule: bound}).errors
        assert str(error) == text
        assert error.meta == {"validation": "number", "kind": rule, "number": bound}


def test_number_tells_the_first_rule_that_fails_in_the_order_given():
    changeset = put("visits", 5)
    first = changeset.validate_number(Post.visits, less_than=3, greater_than=7)
    second = changeset.validate_number(Post.visits, greater_than=7, less_than=3)
    assert [error.meta["kind"] for _, error in first.errors] == ["less_than"]
    assert [error.meta["kind"] for _, error in second.errors] == ["greater_than"]


def test_number_tells_a_bound_as_it_was_written():
    put("ratio", 5.0).validate_number(Post.ratio, less_than=1)
    for bound in (1.0, Decimal("1.0"), 1):
        ((_, error),) = put("ratio", 5.0).validate_number(Post.ratio, less_than=bound).errors
        assert error.meta["number"].__class__ is bound.__class__
    assert put("visits", 2).validate_number(Post.visits, not_equal_to=2.5).valid


@pytest.mark.parametrize("nan", [float("nan"), Decimal("nan"), Decimal("snan")])
@pytest.mark.parametrize("rule", ["less_than", "greater_than", "less_than_or_equal_to", "equal_to"])
def test_a_nan_keeps_no_rule_and_is_no_bound(nan: Any, rule: str):
    assert not put("price", nan).validate_number(Post.price, **{rule: 3}).valid
    with pytest.raises(SchemaError, match=f"`{rule}` of `validate_number` is a number, got"):
        change(Post).validate_number(Post.price, **{rule: nan})


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({}, "`validate_number` needs a bound"),
        ({"less_then": 3}, "`validate_number` does not know `less_then`"),
        ({"less_than": "3"}, "`less_than` of `validate_number` is a number, got '3'"),
        ({"less_than": None}, "`less_than` of `validate_number` is a number, got None"),
        ({"less_than": True}, "`less_than` of `validate_number` is a number, got True"),
        ({"less_than": [3]}, r"`less_than` of `validate_number` is a number, got [3]"),
    ],
)
def test_number_refuses_rules_that_mean_nothing(rules: dict[str, Any], message: str):
    put("visits", 0).validate_number(Post.visits, less_than=1)
    with pytest.raises(SchemaError, match=re.escape(message)):
        change(Post).validate_number(Post.visits, **rules)


def test_number_leaves_what_is_not_changed():
    assert change(Post(title="x", visits=3)).validate_number(Post.visits, less_than=1).valid


# --- wrong kinds of values


@pytest.mark.parametrize(
    ("validate", "method"),
    [
        (lambda c: c.validate_format(Post.at, "x"), "validate_format"),
        (lambda c: c.validate_length(Post.at, min=1), "validate_length"),
        (lambda c: c.validate_number(Post.at, less_than=1), "validate_number"),
    ],
)
def test_a_validation_names_a_change_that_it_cannot_look_at(validate: Any, method: str):
    with pytest.raises(SchemaError, match=rf"`{method}` is for .* the change of `Post\.at` is datetime"):
        validate(put("at", datetime(2026, 1, 1, tzinfo=UTC)))


def test_the_value_of_a_redacted_field_stays_out_of_that_message():
    with pytest.raises(SchemaError) as refused:
        put("pin", 424242).validate_format(Post.pin, "x")
    assert "424242" not in str(refused.value)
    assert "a redacted value (int)" in str(refused.value)


# --- reflection


def test_validations_are_remembered_in_order_whether_they_held_or_not():
    changeset = (
        put("title", "x")
        .validate_length(Post.title, min=3, max=9)
        .validate_format(Post.title, "y")
        .validate_number(Post.visits, less_than=3, greater_than=1)
        .validate_inclusion(Post.title, ["x"])
        .validate_exclusion(Post.title, ["z"])
    )
    assert changeset.validations == (
        ("title", "length", (("min", 3), ("max", 9))),
        ("title", "format", re.compile("y")),
        ("visits", "number", (("less_than", 3), ("greater_than", 1))),
        ("title", "inclusion", ("x",)),
        ("title", "exclusion", ("z",)),
    )


def test_two_failing_validations_are_listed_in_the_order_added():
    changeset = put("title", "x").validate_length(Post.title, min=3).validate_format(Post.title, "y")
    assert changeset.traverse_errors() == {"title": ["should be at least 3 character(s)", "has invalid format"]}

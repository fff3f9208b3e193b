"""Changesets over a mapping: fields by name, types of ones own, and nothing that only a database could answer."""

import copy
import pickle
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import Field as Limits

from ectype.errors import FrozenError, SchemaError
from ectype.schema.changeset import change
from ectype.schema.errors import InvalidChangesetError
from ectype.schema.field_error import Error
from ectype.schema.fields import Field, primary_key
from ectype.schema.schema import Schema
from ectype.schema.schemaless import SchemalessChangeset

TYPES: dict[str, Any] = {
    "term": str,
    "page": int,
    "price": Decimal | None,
    "tags": list[str],
    "code": Annotated[str, Limits(max_length=3)],
    "password": str | None,
    "items": int | None,
}


class User(Schema, table="users"):
    id: Field[int] = primary_key()
    name: Field[str]


def begun(**data: object) -> SchemalessChangeset:
    return change(data, types=TYPES, redact=["password"])


def test_params_are_cast_by_the_types_and_become_a_dict():
    search = (
        change({"page": 1}, types={"term": str, "page": int})
        .cast({"term": "ectype", "page": "2", "admin": "true"}, "term", "page")
        .validate_required("term")
        .validate_number("page", greater_than=0)
    )
    assert search.changes == {"term": "ectype", "page": 2}
    assert search.apply_action("validate") == {"term": "ectype", "page": 2}
    assert search.data == {"page": 1}


def test_what_is_wrong_is_told_as_for_a_schema():
    changeset = begun().cast({"page": "x", "code": "long", "term": " ", "items": "3"}, "page", "code", "term", "items")
    assert [(key, error.message) for key, error in changeset.errors][:1] == [("page", "is invalid")]
    assert {key for key, _ in changeset.errors} == {"page", "code"}
    assert changeset.changes == {"items": 3}
    required = changeset.validate_required("term")
    with pytest.raises(InvalidChangesetError, match="could not validate types") as refused:
        required.apply_action("validate")
    assert refused.value.changeset.action == "validate"
    assert refused.value.changeset.traverse_errors()["term"] == ["can't be blank"]


def test_a_value_that_equals_the_data_is_no_change():
    changeset = begun(price=Decimal(1), tags=["a"]).cast({"price": "1.00", "tags": ["a", ""]}, "price", "tags")
    assert changeset.changes == {}
    moved = changeset.put_change("price", Decimal(2))
    assert moved.changed("price", from_=Decimal("1.0"), to=Decimal(2))
    assert moved.put_change("price", Decimal("1.0")).changes == {}
    assert changeset.force_change("price", Decimal(1)).changes == {"price": Decimal(1)}
    assert begun(page=3).cast({"page": None}, "page").traverse_errors() == {"page": ["can't be blank"]}
    assert begun(items=3).cast({"items": ""}, "items").changes == {"items": None}


def test_every_method_takes_names():
    changeset = (
        begun(page=1)
        .put_change("term", "ab")
        .put_change("tags", ["a"])
        .put_change("page", 7)
        .update_change("term", str.upper)
        .validate_length("term", min=3)
        .validate_format("term", "x")
        .validate_inclusion("page", [1])
        .validate_exclusion("page", [7])
        .validate_subset("tags", ["b"])
        .validate_number("page", less_than=3)
        .validate_change("term", lambda term: "is loud" if term.isupper() else None)
        .validate_confirmation("password")
        .validate_acceptance("terms")
        .add_error("base", "no")
    )
    assert [error.code for _, error in changeset.errors] == [
        "length.min",
        "format",
        "inclusion",
        "exclusion",
        "subset",
        "number.less_than",
        "custom",
        "custom",
    ]
    assert changeset.get_field("page") == 7
    assert changeset.get_change("term") == "AB"
    assert changeset.get_change("code", "none") == "none"
    assert changeset.fetch_field("page") == ("changes", 7)
    assert begun(page=1).fetch_field("page") == ("data", 1)
    assert begun(page=1).fetch_field("term") is None
    assert begun().field_missing("term")
    assert changeset.delete_change("page").apply_changes() == {"page": 1, "term": "AB", "tags": ["a"]}
    assert changeset.with_action("validate").action == "validate"
    assert changeset.pipe(lambda one, name: one.get_field(name), "term") == "AB"
    assert begun(page=1).merge(begun(page=1).put_change("term", "x")).changes == {"term": "x"}


@pytest.mark.parametrize(
    ("wrong", "message", "hint"),
    [
        ("pgae", "`types` has no field 'pgae'", "did you mean `page`?"),
        (User.name, "the fields of a changeset without a schema are named by text", None),
        (3, "the fields of a changeset without a schema are named by text, got 3", None),
    ],
)
def test_what_is_no_field_is_refused(wrong: Any, message: str, hint: str | None):
    for call in (
        lambda: begun().cast({}, wrong),
        lambda: begun().put_change(wrong, 1),
        lambda: begun().get_field(wrong),
        lambda: begun().validate_required(wrong),
        lambda: begun().validate_length(wrong, min=1),
    ):
        with pytest.raises(SchemaError) as refused:
            call()
        assert message in refused.value.message
        assert hint is None or hint in (refused.value.hint or "")


@pytest.mark.parametrize(
    "begin",
    [
        lambda: change(3, types={"a": int}),
        lambda: change({}, types=["a"]),
        lambda: change(User, types={"a": int}),
        lambda: change({}, User.name.set("x"), types={"a": int}),
        lambda: change({}, types={1: int}),
        lambda: change({}, types={"a": int}, redact="a"),
        lambda: change({}, types={"a": int}, redact=["b"]),
        lambda: change({}, types={"a": "int | Nothing"}),
        lambda: change({}, types={"a": None}),
        lambda: change({}),
    ],
)
def test_what_is_no_mapping_with_types_is_refused(begin: Any):
    with pytest.raises(SchemaError):
        begin()


@pytest.mark.parametrize(
    "method", ["unique_constraint", "foreign_key_constraint", "check_constraint", "optimistic_lock", "prepare_changes"]
)
def test_what_needs_a_table_is_refused_with_the_fix(method: str):
    with pytest.raises(SchemaError, match=f"`{method}` needs a table, and this changeset has no schema") as refused:
        getattr(begun(), method)("page")
    assert "begin with `change(User)`" in str(refused.value)
    with pytest.raises(AttributeError, match="did you mean `validate_length`"):
        getattr(begun(), "validate_lenght")  # noqa: B009


def test_it_never_changes_and_shows_no_secret():
    data: dict[str, object] = {"page": 1}
    changeset = change(data, types=TYPES, redact=["password"]).put_change("password", "hunter2")
    data["page"] = 2
    assert changeset.data == {"page": 1}
    with pytest.raises(FrozenError):
        changeset.valid = False  # type: ignore[misc]
    with pytest.raises(TypeError):
        changeset.data["page"] = 3  # type: ignore[index]
    assert "hunter2" not in repr(changeset)
    assert isinstance(changeset.data, Mapping)


def test_it_is_pickled_and_copied():
    changeset = begun(page=1).cast({"page": "x", "term": "a"}, "page", "term").validate_length("term", min=3)
    for again in (pickle.loads(pickle.dumps(changeset)), copy.deepcopy(changeset)):
        assert (again.data, again.changes, again.errors, again.params) == (
            changeset.data,
            changeset.changes,
            changeset.errors,
            changeset.params,
        )
        assert again.put_change("page", 3).changes == {"term": "a", "page": 3}


def test_types_are_read_once():
    assert begun().info is begun().info
    unhashable: Any = Annotated[str, Limits(json_schema_extra={"a": 1})]
    assert change({}, types={"a": unhashable}).cast({"a": "x"}, "a").changes == {"a": "x"}


def test_messages_of_ones_own():
    changeset = begun().cast({"page": "x"}, "page", message=lambda name, meta: f"{name} is no number")
    assert changeset.errors == (("page", Error("page is no number", type="integer", validation="cast")),)

"""What a changeset takes, as JSON Schema: each rule that a changeset was given and JSON Schema can say."""

import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

import pytest
from annotated_types import MaxLen
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from pydantic import BaseModel, TypeAdapter, ValidationError

from ectype import Changeset, Field, Schema, SchemaError, change, changeset_schema, field, params_of, primary_key


class Status(StrEnum):
    DRAFT = "draft"
    SENT = "sent"


class Place(BaseModel):
    town: str


class Letter(Schema, table="letters"):
    id: Field[int] = primary_key()
    subject: Field[str]
    body: Field[str | None] = field(default=None)
    status: Field[Status] = field(default=Status.DRAFT)
    weight: Field[int | None] = field(default=None)
    price: Field[Decimal | None] = field(default=None)
    tags: Field[list[str]] = field(default_factory=list)
    meta: Field[dict[str, Any]] = field(default_factory=dict)
    to: Field[Annotated[str, MaxLen(10)] | None] = field(default=None)
    place: Field[Place | None] = field(default=None)
    password: Field[str | None] = field(virtual=True, redact=True, default=None)


Rule = Callable[[Changeset[Letter]], Changeset[Letter]]


def letter(params: Mapping[str, object]) -> Changeset[Letter]:
    return change(Letter).cast(
        params,
        Letter.subject,
        Letter.body,
        Letter.status,
        Letter.weight,
        Letter.price,
        Letter.tags,
        Letter.meta,
        Letter.to,
        Letter.place,
        Letter.password,
    )


def members(*rules: Rule) -> dict[str, Any]:
    found = letter({})
    for rule in rules:
        found = rule(found)
    made = changeset_schema(found)
    Draft202012Validator.check_schema(made, format_checker=FormatChecker(()))  # which knows Python's patterns only
    return made["properties"]


def first(member: dict[str, Any]) -> dict[str, Any]:
    """What is said of a member that is not None, without its title."""
    alone = member.get("anyOf", [member])[0]
    return {key: value for key, value in alone.items() if key != "title"}


@pytest.mark.parametrize(
    ("rule", "name", "said"),
    [
        (lambda c: c, "subject", {"type": "string"}),
        (lambda c: c, "weight", {"type": "integer"}),
        (lambda c: c, "price", {"type": ["number", "string"], "format": "decimal"}),
        (lambda c: c, "status", {"$ref": "#/$defs/Status", "default": "draft"}),
        (lambda c: c, "to", {"type": "string", "maxLength": 10}),
        (lambda c: c, "place", {"$ref": "#/$defs/Place"}),
        (lambda c: c.validate_required(Letter.subject), "subject", {"type": "string", "minLength": 1}),
        (
            lambda c: c.validate_length(Letter.body, min=3, max=9),
            "body",
            {"type": "string", "minLength": 3, "maxLength": 9},
        ),
        (lambda c: c.validate_length(Letter.body, is_=4), "body", {"type": "string", "minLength": 4, "maxLength": 4}),
        (
            lambda c: c.validate_length(Letter.body, min=12, max=72, count="bytes"),
            "body",
            {"type": "string", "minLength": 3, "maxLength": 72},
        ),
        (
            lambda c: c.validate_length(Letter.tags, min=1, max=5),
            "tags",
            {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 5},
        ),
        (lambda c: c.validate_length(Letter.meta, max=2), "meta", {"type": "object", "maxProperties": 2}),
        (
            lambda c: c.validate_length(Letter.to, max=5),
            "to",
            {"type": "string", "maxLength": 10, "allOf": [{"maxLength": 5}]},
        ),
        (lambda c: c.validate_format(Letter.body, r"^\d+$"), "body", {"type": "string", "pattern": r"^\d+$"}),
        (lambda c: c.validate_format(Letter.body, r"\A\d+\Z"), "body", {"type": "string", "pattern": r"^\d+$"}),
        (lambda c: c.validate_format(Letter.body, r"(?P<n>\d)"), "body", {"type": "string", "pattern": r"(?<n>\d)"}),
        (lambda c: c.validate_format(Letter.body, re.compile("a", re.IGNORECASE)), "body", {"type": "string"}),
        (lambda c: c.validate_format(Letter.body, r"(?P<n>a)(?P=n)"), "body", {"type": "string"}),
        (
            lambda c: c.validate_format(Letter.body, "a").validate_format(Letter.body, "b"),
            "body",
            {"type": "string", "pattern": "a", "allOf": [{"pattern": "b"}]},
        ),
        (
            lambda c: c.validate_inclusion(Letter.status, [Status.SENT]),
            "status",
            {"$ref": "#/$defs/Status", "enum": ["sent"], "default": "draft"},
        ),
        (lambda c: c.validate_exclusion(Letter.body, ["x"]), "body", {"type": "string", "not": {"enum": ["x"]}}),
        (
            lambda c: c.validate_subset(Letter.tags, ["a", "b"]),
            "tags",
            {"type": "array", "items": {"type": "string"}, "allOf": [{"items": {"enum": ["a", "b"]}}]},
        ),
        (
            lambda c: c.validate_number(Letter.weight, greater_than=0, less_than_or_equal_to=9),
            "weight",
            {"type": "integer", "exclusiveMinimum": 0, "maximum": 9},
        ),
        (
            lambda c: c.validate_number(Letter.price, less_than=Decimal("9.5"), greater_than_or_equal_to=Decimal(1)),
            "price",
            {"type": ["number", "string"], "format": "decimal", "exclusiveMaximum": 9.5, "minimum": 1},
        ),
        (
            lambda c: c.validate_number(Letter.weight, equal_to=5, not_equal_to=6),
            "weight",
            {"type": "integer", "const": 5, "not": {"enum": [6]}},
        ),
        (lambda c: c.validate_acceptance("terms"), "terms", {"const": True}),
        (lambda c: c.validate_confirmation(Letter.body), "body_confirmation", {"type": "string"}),
        (lambda c: c.validate_change(Letter.body, lambda _: "never"), "body", {"type": "string"}),
        (lambda c: c.unique_constraint(Letter.subject), "subject", {"type": "string"}),
    ],
)
def test_each_rule_is_said(rule: Rule, name: str, said: dict[str, Any]) -> None:
    assert first(members(rule)[name]) == said


def test_what_may_be_none_is_said_and_a_required_param_may_not() -> None:
    assert members()["weight"]["anyOf"][1] == {"type": "null"}
    assert "anyOf" not in members(lambda c: c.validate_required(Letter.weight))["weight"]


def test_a_redacted_param_is_to_be_written_only_and_its_default_not_told() -> None:
    password = members()["password"]
    assert password["writeOnly"] is True
    assert first(password)["format"] == "password"
    assert "default" not in password


def test_required_are_those_without_a_value_of_their_own() -> None:
    rules = letter({}).validate_required(Letter.subject, Letter.status).validate_acceptance("terms")
    assert changeset_schema(rules)["required"] == ["subject", "terms"]
    stored = change(Letter(subject="kept")).cast({}, Letter.subject).validate_required(Letter.subject)
    assert "required" not in changeset_schema(stored)
    confirmed = letter({}).validate_confirmation(Letter.body, required=True)
    assert changeset_schema(confirmed)["required"] == ["body_confirmation"]


def test_only_what_was_cast_is_a_param_from_all_casts() -> None:
    twice = change(Letter).cast(None, Letter.subject).cast({}, Letter.body).put_change(Letter.weight, 3)
    assert list(changeset_schema(twice)["properties"]) == ["subject", "body"]
    merged = change(Letter).cast({}, Letter.subject).merge(change(Letter).cast({}, Letter.to, Letter.subject))
    assert list(changeset_schema(merged)["properties"]) == ["subject", "to"]


def test_a_changeset_without_a_schema_has_one_too() -> None:
    search = change({}, types={"term": str, "page": int | None}).cast({}, "term", "page").validate_required("term")
    assert changeset_schema(search) == {
        "title": "types",
        "type": "object",
        "properties": {
            "term": {"type": "string", "minLength": 1, "title": "Term"},
            "page": {"anyOf": [{"type": "integer"}, {"type": "null"}], "title": "Page"},
        },
        "required": ["term"],
    }


def test_what_takes_no_params_is_refused() -> None:
    with pytest.raises(SchemaError, match="takes no params: nothing was cast"):
        changeset_schema(change(Letter))
    with pytest.raises(SchemaError, match="a changeset was expected"):
        changeset_schema(lambda _: 3)  # type: ignore[arg-type, return-value]  # pyright: ignore[reportArgumentType]


def test_params_in_pydantic_are_any_json_object() -> None:
    adapter = TypeAdapter(Annotated[dict[str, Any], params_of(letter)])
    assert adapter.validate_python({"subject": 3, "x": []}) == {"subject": 3, "x": []}
    for odd in ([], "x", None, {1: 2}):
        with pytest.raises(ValidationError, match="params are a JSON object"):
            adapter.validate_python(odd)


def test_a_route_that_takes_params_says_so_in_its_documentation() -> None:
    app = FastAPI()

    @app.post("/letters")
    def create(params: Annotated[Mapping[str, Any], params_of(letter)]) -> None: ...

    document = app.openapi()
    body = document["paths"]["/letters"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert list(body["properties"]) == list(changeset_schema(letter)["properties"])
    assert body["properties"]["status"]["$ref"] == "#/components/schemas/Status"
    assert {"Status", "Place"} <= set(document["components"]["schemas"])


def strict(params: Mapping[str, object]) -> Changeset[Letter]:
    return (
        letter(params)
        .validate_required(Letter.subject, Letter.weight)
        .validate_length(Letter.subject, min=2, max=6)
        .validate_format(Letter.subject, r"^[a-z]+\Z")
        .validate_number(Letter.weight, greater_than=0)
        .validate_inclusion(Letter.status, [Status.SENT])
        .validate_subset(Letter.tags, ["a", "b"])
        .validate_length(Letter.tags, max=2)
        .validate_exclusion(Letter.body, ["no"])
    )


PARAMS = st.fixed_dictionaries(
    {},
    optional={
        "subject": st.sampled_from(["ab", "abcdef", "abcdefg", "a", "AB", "", None]),
        "weight": st.sampled_from([1, 0, -1, 7, None]),
        "status": st.sampled_from(["sent", "else"]),  # not the default: what changes nothing is not looked at
        "tags": st.lists(st.sampled_from(["a", "b", "c"]), max_size=3),
        "body": st.sampled_from(["no", "yes", None]),
    },
)


@settings(max_examples=200, deadline=None)
@given(PARAMS)
def test_params_that_the_changeset_takes_are_those_that_the_schema_takes(params: dict[str, Any]) -> None:
    validator = Draft202012Validator(changeset_schema(strict))
    assert validator.is_valid(json.loads(json.dumps(params))) == strict(params).valid

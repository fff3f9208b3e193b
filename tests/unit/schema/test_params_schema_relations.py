"""What a changeset takes of related structs and embeds, as JSON Schema: the rules of each entry's own changeset."""

import copy
import json
import pickle
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from ectype import (
    Changeset,
    EmbeddedSchema,
    EmbedsMany,
    EmbedsOne,
    Field,
    HasMany,
    HasOne,
    Schema,
    SchemaError,
    change,
    changeset_schema,
    embeds_many,
    embeds_one,
    field,
    has_many,
    has_one,
    params_of,
    primary_key,
    uuid7,
    with_meta,
)


class Place(EmbeddedSchema):
    town: Field[str]

    @staticmethod
    def changeset(place: "Place", params: Mapping[str, object]) -> "Changeset[Place]":
        return change(place).cast(params, Place.town).validate_required(Place.town)


class Line(EmbeddedSchema):
    id: Field[UUID] = primary_key(autogenerate=uuid7)
    text: Field[str]


class Card(EmbeddedSchema):
    type: Field[Literal["card"]] = field(default="card")
    number: Field[str]


class Iban(EmbeddedSchema):
    type: Field[Literal["iban"]] = field(default="iban")
    iban: Field[str]


class Letter(Schema, table="letters"):
    id: Field[int] = primary_key()
    subject: Field[str]
    stamps: "HasMany[Stamp]" = has_many()
    seal: "HasOne[Seal | None]" = has_one()
    new_seal: "HasOne[Seal | None]" = has_one(foreign_key="letter_id", on_replace="update")
    place: EmbedsOne[Place] = embeds_one()
    sender: EmbedsOne[Place | None] = embeds_one()
    lines: EmbedsMany[Line] = embeds_many()
    payment: EmbedsOne[Card | Iban | None] = embeds_one(tag="type")


class Stamp(Schema, table="stamps"):
    id: Field[int] = primary_key()
    value: Field[int]
    letter_id: Field[int]
    parent_id: Field[int | None] = field(default=None)
    below: "HasMany[Stamp]" = has_many(foreign_key="parent_id")


class Seal(Schema, table="seals"):
    id: Field[int] = primary_key()
    text: Field[str]
    letter_id: Field[int]


Params = Mapping[str, object]


def stamp(one: Stamp, params: Params) -> Changeset[Stamp]:
    made = change(one).cast(params, Stamp.value).validate_required(Stamp.value)
    return made.validate_number(Stamp.value, greater_than=0)


def seal(one: Seal, params: Params) -> Changeset[Seal]:
    return change(one).cast(params, Seal.text)


def line(one: Line, params: Params, position: int) -> Changeset[Line]:
    return change(one).cast(params, Line.text).validate_length(Line.text, max=position + 3)


def letter(params: Params) -> Changeset[Letter]:
    return change(Letter).cast(params, Letter.subject)


def members(made: Changeset[Letter]) -> dict[str, Any]:
    return checked(changeset_schema(made))["properties"]


def checked(made: dict[str, Any]) -> dict[str, Any]:
    Draft202012Validator.check_schema(made, format_checker=FormatChecker(()))
    return made


ID = {"anyOf": [{"type": "integer"}, {"type": "null"}], "title": "Id"}
STAMP = {
    "type": "object",
    "title": "Stamp",
    "properties": {"id": ID, "value": {"type": "integer", "exclusiveMinimum": 0, "title": "Value"}},
    "required": ["value"],
}
PLACE = {
    "type": "object",
    "title": "Place",
    "properties": {"town": {"type": "string", "minLength": 1, "title": "Town"}},
    "required": ["town"],
}


def test_entries_of_many_are_an_array_of_what_their_own_changeset_takes() -> None:
    found = members(letter({}).cast_assoc(Letter.stamps, with_=stamp))
    assert found["stamps"] == {"type": "array", "items": STAMP, "title": "Stamps"}
    assert list(found) == ["subject", "stamps"]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (lambda made: made.validate_length(Letter.stamps, min=2, max=4), {"minItems": 2, "maxItems": 4}),
        (lambda made: made.validate_length(Letter.stamps, is_=3), {"minItems": 3, "maxItems": 3}),
        (lambda made: made.validate_required(Letter.stamps), {"minItems": 1}),
    ],
)
def test_rules_of_the_relation_itself_are_said(rule: Callable[[Any], Any], said: dict[str, Any]) -> None:
    made = rule(letter({}).cast_assoc(Letter.stamps, with_=stamp))
    assert members(made)["stamps"] == {"type": "array", "items": STAMP, "title": "Stamps", **said}


def test_a_list_that_may_be_sorted_is_an_object_by_index_too_and_the_params_of_its_order_are_said() -> None:
    made = letter({}).cast_assoc(Letter.stamps, with_=stamp, sort_param="stamps_sort", drop_param="stamps_drop")
    found = members(made)
    assert found["stamps"]["anyOf"] == [
        {"type": "array", "items": STAMP},
        {"type": "object", "additionalProperties": {key: STAMP[key] for key in STAMP if key != "title"}},
    ]
    for name in ("stamps_sort", "stamps_drop"):
        assert found[name]["items"] == {"type": ["string", "integer"]}
    only_drop = members(letter({}).cast_assoc(Letter.stamps, with_=stamp, drop_param="d"))
    assert list(only_drop) == ["subject", "stamps", "d"]


def test_one_entry_is_an_object_or_null_unless_it_is_required() -> None:
    optional = members(letter({}).cast_assoc(Letter.seal, with_=seal))["seal"]
    text = {"type": "string", "title": "Text"}
    said = {"type": "object", "title": "Seal", "properties": {"id": ID, "text": text}}
    assert optional == {"anyOf": [said, {"type": "null"}], "title": "Seal"}
    # One that takes the new values is never named by its key.
    taking = members(letter({}).cast_assoc(Letter.new_seal, with_=seal, required=True))["new_seal"]
    assert taking == {"type": "object", "title": "Seal", "properties": {"text": text}}


def test_required_are_relations_that_hold_nothing_yet() -> None:
    made = letter({}).cast_embed(Letter.place).cast_embed(Letter.sender).cast_assoc(Letter.seal, with_=seal)
    assert checked(changeset_schema(made))["required"] == ["place"]
    assert changeset_schema(made.validate_required(Letter.seal))["required"] == ["place", "seal"]
    held = change(Letter(place=Place(town="x"), seal=Seal(text="a"))).cast({}).cast_embed(Letter.place)
    assert "required" not in changeset_schema(held.cast_assoc(Letter.seal, with_=seal, required=True))


def test_embeds_say_the_rules_of_their_own_changeset() -> None:
    found = members(letter({}).cast_embed(Letter.place).cast_embed(Letter.lines, with_=line))
    assert found["place"] == PLACE
    assert found["lines"]["items"]["properties"] == {
        "id": {"anyOf": [{"type": "string", "format": "uuid"}, {"type": "null"}], "title": "Id"},
        "text": {"type": "string", "maxLength": 3, "title": "Text"},
    }


def test_the_schemas_of_a_union_are_told_apart_by_their_tag() -> None:
    made = letter({}).cast_embed(
        Letter.payment,
        with_={
            Card: lambda one, params: change(one).cast(params, Card.number),
            Iban: lambda one, params: change(one).cast(params, Iban.iban).validate_required(Iban.iban),
        },
    )
    card, iban, null = members(made)["payment"]["anyOf"]
    assert [list(one["properties"]) for one in (card, iban)] == [["type", "number"], ["type", "iban"]]
    assert [one["properties"]["type"]["const"] for one in (card, iban)] == ["card", "iban"]
    assert [one["required"] for one in (card, iban)] == [["type"], ["type", "iban"]]
    assert null == {"type": "null"}


def test_entries_that_hold_such_entries_are_said_once() -> None:
    def tree(one: Stamp, params: Params) -> Changeset[Stamp]:
        def inner(below: Stamp, more: Params) -> Changeset[Stamp]:
            return tree(below, more)

        return stamp(one, params).cast_assoc(Stamp.below, with_=inner)

    made = checked(changeset_schema(letter({}).cast_assoc(Letter.stamps, with_=tree)))
    validator = Draft202012Validator(made)
    deep: dict[str, Any] = {"value": 1}
    for _ in range(20):
        deep = {"value": 1, "below": [deep]}
    assert validator.is_valid({"stamps": [deep]})
    deep["below"][0]["below"][0]["below"][0]["value"] = 0
    assert not validator.is_valid({"stamps": [deep]})


def test_functions_made_anew_at_each_level_come_to_an_end() -> None:
    class Made:
        """A new one at each call, so that nothing tells that it is the same."""

        def __call__(self, one: Stamp, params: Params) -> Changeset[Stamp]:
            return change(one).cast(params, Stamp.value).cast_assoc(Stamp.below, with_=Made())

    made = checked(changeset_schema(letter({}).cast_assoc(Letter.stamps, with_=Made())))
    assert Draft202012Validator(made).is_valid({"stamps": [{"value": 1, "below": []}]})


def test_relations_are_params_even_where_no_field_is() -> None:
    assert list(members(change(Letter).cast({}).cast_embed(Letter.sender))) == ["sender"]
    with pytest.raises(SchemaError, match="nothing was cast"):
        changeset_schema(change(Letter).cast({}))


def test_the_last_cast_of_a_relation_is_said_and_that_of_a_merged_changeset() -> None:
    first = letter({}).cast_assoc(Letter.stamps, with_=lambda one, params: change(one).cast(params))
    assert members(first.cast_assoc(Letter.stamps, with_=stamp))["stamps"]["items"] == STAMP
    other = change(Letter).cast({}).cast_assoc(Letter.stamps, with_=stamp)
    assert members(first.merge(other))["stamps"]["items"] == STAMP


def test_an_association_that_is_not_loaded_is_not_said_to_be_required() -> None:
    stored = with_meta(Letter(id=1, subject="x", place=Place(town="y")), state="loaded")
    made = change(stored).cast({}).cast_assoc(Letter.stamps, with_=stamp)
    assert "required" not in changeset_schema(made)


def test_a_function_that_makes_no_changeset_of_the_entry_is_refused() -> None:
    with pytest.raises(SchemaError, match=r"the `with_` of `Letter\.stamps` returns a changeset of Stamp, got None"):
        changeset_schema(letter({}).cast_assoc(Letter.stamps, with_=lambda _one, _params: None))  # type: ignore[arg-type, return-value]  # pyright: ignore[reportArgumentType]


def test_a_changeset_with_functions_of_entries_is_copied_and_pickled_without_them() -> None:
    made = letter({"stamps": [{"value": 3}]}).cast_assoc(
        Letter.stamps, with_=lambda one, params: change(one).cast(params, Stamp.value)
    )
    for twin in (copy.copy(made), copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert twin.get_assoc(Letter.stamps, as_="struct") == made.get_assoc(Letter.stamps, as_="struct")
        assert twin.casts == ()


def test_a_route_documents_entries_beside_the_structs_that_it_returns() -> None:
    app = FastAPI()

    def tree(one: Stamp, params: Params) -> Changeset[Stamp]:
        return stamp(one, params).cast_assoc(Stamp.below, with_=tree)

    @app.post("/letters")
    def create(
        params: Annotated[
            Mapping[str, Any], params_of(lambda params: letter(params).cast_assoc(Letter.stamps, with_=tree))
        ],
    ) -> Letter: ...

    document = json.loads(json.dumps(app.openapi()))
    body = document["paths"]["/letters"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    whole = {**body, "components": document["components"]}
    validator = Draft202012Validator(whole)
    assert validator.is_valid({"stamps": [{"value": 1, "below": [{"value": 2}]}]})
    assert not validator.is_valid({"stamps": [{"value": 1, "below": [{"value": 0}]}]})
    answer = document["paths"]["/letters"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    # The struct of an answer and the params of a request are two things of one name.
    assert "letter_id" in json.dumps({**answer, "components": document["components"]})


def strict(params: Params) -> Changeset[Letter]:
    return (
        change(Letter)
        .cast(params, Letter.subject)
        .cast_assoc(Letter.stamps, with_=stamp, sort_param="sort", drop_param="drop")
        .validate_length(Letter.stamps, max=2)
        .cast_assoc(Letter.seal, with_=seal)
        .cast_embed(Letter.place)
    )


STAMPS = st.fixed_dictionaries(
    {}, optional={"value": st.sampled_from([1, 0, 5, None]), "id": st.sampled_from([None, 7])}
)
PARAMS = st.fixed_dictionaries(
    {},
    optional={
        "stamps": st.one_of(
            st.lists(STAMPS, max_size=3, unique_by=lambda one: one.get("id") or id(one)), st.just({}), st.just("x")
        ),
        "seal": st.sampled_from([None, {}, {"text": "a"}, {"text": 1}, []]),
        "place": st.sampled_from([None, {}, {"town": ""}, {"town": "Bath"}, 3]),
    },
)


@settings(max_examples=300, deadline=None)
@given(PARAMS)
def test_params_that_the_changeset_takes_are_those_that_the_schema_takes(params: dict[str, Any]) -> None:
    validator = Draft202012Validator(checked(changeset_schema(strict)))
    assert validator.is_valid(json.loads(json.dumps(params))) == strict(params).valid

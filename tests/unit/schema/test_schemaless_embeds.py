"""Changesets over a mapping that holds embedded structs: cast, put, checked and read by the names of fields."""

import copy
import pickle
from collections.abc import Mapping
from typing import Any, Literal
from uuid import UUID

import pytest

from ectype import (
    Changeset,
    EmbeddedSchema,
    Field,
    SchemaError,
    change,
    changeset_schema,
    field,
    primary_key,
    uuid7,
    with_meta,
)
from ectype.schema.errors import InvalidChangesetError


class Address(EmbeddedSchema):
    street: Field[str]
    city: Field[str] = field(default="Paris")

    @staticmethod
    def changeset(address: "Address", params: Mapping[str, object]) -> "Changeset[Address]":
        return change(address).cast(params, Address.street, Address.city).validate_required(Address.street)


class Line(EmbeddedSchema):
    id: Field[UUID] = primary_key(autogenerate=uuid7)
    name: Field[str]


class Card(EmbeddedSchema):
    type: Field[Literal["card"]] = field(default="card")


class Iban(EmbeddedSchema):
    type: Field[Literal["iban"]] = field(default="iban")


TYPES: dict[str, Any] = {
    "term": str,
    "address": Address | None,
    "home": Address,
    "lines": list[Line],
    "tags": list[str],
}


def line(one: Line, params: Mapping[str, object], position: int) -> Changeset[Line]:
    return change(one).cast(params, Line.name).validate_length(Line.name, max=3 + position)


def begun(params: dict[str, Any] | None = None, **data: Any) -> Any:
    return change(data, types=TYPES).cast(params or {}, "term")


def test_params_become_structs():
    made = begun({"term": "x", "address": {"street": "s"}, "lines": {"1": {"name": "b"}, "0": {"name": "a"}}})
    made = made.cast_embed("address").cast_embed("lines", with_=line, sort_param="sort", drop_param="drop")
    assert made.valid
    assert made.apply_action("validate") == {
        "term": "x",
        "address": Address(street="s", city="Paris"),
        "lines": [Line(name="a"), Line(name="b")],
    }
    assert made.get_embed("address").action == "insert"
    assert [one.name for one in made.get_embed("lines", as_="struct")] == ["a", "b"]


def test_errors_stand_where_they_belong():
    made = begun({"address": {}, "lines": [{"name": "a"}, {"name": "longer"}], "home": 3})
    made = made.cast_embed("address").cast_embed("lines", with_=line).cast_embed("home")
    assert not made.valid
    assert made.traverse_errors() == {
        "address": {"street": ["can't be blank"]},
        "lines": [{}, {"name": ["should be at most 4 character(s)"]}],
        "home": ["is invalid"],
    }
    assert [path for path, _ in made.located_errors()] == [
        ("home",),
        ("address", "street"),
        ("lines", 1, "name"),
    ]
    with pytest.raises(InvalidChangesetError):
        made.apply_action("validate")


def test_what_is_there_is_updated_by_its_key_and_the_rest_goes():
    first, second = Line(id=uuid7(), name="a"), Line(id=uuid7(), name="b")
    there = begun({"lines": [{"id": str(second.id), "name": "B"}, {"name": "c"}]}, lines=[first, second])
    made = there.cast_embed("lines", with_=line)
    assert made.apply_changes()["lines"] == [Line(id=second.id, name="B"), Line(name="c")]
    assert there.cast_embed("address").apply_changes()["lines"] == [first, second]
    same = begun({"address": {"street": "s"}}, address=Address(street="s")).cast_embed("address")
    assert same.apply_changes() == {"address": Address(street="s")}
    assert begun({"address": None}, address=Address(street="s")).cast_embed("address").apply_changes() == {
        "address": None
    }


def test_entries_that_were_loaded_go_too_since_nothing_is_stored_here():
    first, second = (with_meta(Line(id=uuid7(), name=name), state="loaded") for name in "ab")
    there = begun({"lines": [{"id": str(second.id), "name": "B"}]}, lines=[first, second])
    cast = there.cast_embed("lines", with_=line)
    assert [one.action for one in cast.changes["lines"]] == ["replace", "update"]
    for made in (cast, begun(lines=[first, second]).put_embed("lines", [{"id": second.id, "name": "B"}])):
        assert made.apply_action("validate")["lines"] == [Line(id=second.id, name="B")]


@pytest.mark.parametrize(
    ("value", "gives"),
    [
        ({"street": "s"}, Address(street="s")),
        (Address(street="s", city="Rome"), Address(street="s", city="Rome")),
        (change(Address(street="x")).put_change(Address.street, "s"), Address(street="s")),
        (None, None),
    ],
)
def test_structs_changesets_and_values_are_put(value: Any, gives: Any):
    made = begun(address=Address(street="old")).put_embed("address", value)
    assert made.valid
    assert made.apply_changes() == {"address": gives}
    assert made.delete_change("address").apply_changes() == {"address": Address(street="old")}


def test_checks_look_at_entries():
    put = begun().put_embed("lines", [{"name": "a"}, {"name": "b"}])
    checked = put.validate_length("lines", max=1).validate_required("lines", "address")
    checked = checked.validate_change("lines", lambda lines: [("term", f"{len(lines)} lines")])
    assert checked.traverse_errors() == {
        "lines": ["should have at most 1 item(s)"],
        "address": ["can't be blank"],
        "term": ["2 lines"],
    }
    assert [put.field_missing("lines"), put.field_missing("address")] == [False, True]
    assert put.add_error("address", "is odd").traverse_errors() == {"address": ["is odd"]}
    assert put.changed("lines")
    assert begun({}).cast_embed("address", required=True).traverse_errors() == {"address": ["can't be blank"]}


def test_two_changesets_merge_and_travel():
    one = begun({"address": {"street": "s"}}).cast_embed("address")
    other = begun({"home": {}}).cast_embed("home")
    both = one.merge(other)
    assert not both.valid
    assert both.traverse_errors() == {"home": {"street": ["can't be blank"]}}
    for twin in (copy.deepcopy(both), pickle.loads(pickle.dumps(both))):
        assert twin.traverse_errors() == both.traverse_errors()
        assert twin.apply_changes() == both.apply_changes()


def test_the_params_are_said_in_json_schema():
    made = begun({}).cast_embed("address").cast_embed("lines", with_=line, required=True)
    said = changeset_schema(made)
    assert said["required"] == ["lines"]
    assert said["properties"]["address"]["anyOf"][0]["required"] == ["street"]
    assert said["properties"]["lines"]["items"]["properties"]["name"]["maxLength"] == 3


@pytest.mark.parametrize(
    ("call", "message", "hint"),
    [
        (lambda made: made.cast({}, "address"), "`'address'` is an embed", "cast_embed('address')"),
        (lambda made: made.put_change("address", None), "`'address'` is an embed", "put_embed('address', …)"),
        (lambda made: made.get_field("lines"), "`'lines'` is an embed", "get_embed('lines')"),
        (lambda made: made.cast_embed("tags"), "takes the name of an embed, got 'tags'", "'address', 'home', 'lines'"),
        (lambda made: made.put_embed("nothing", []), "takes the name of an embed, got 'nothing'", "it has:"),
        (lambda made: made.get_embed(Address.street), "takes the name of an embed", "it has:"),
        (lambda made: made.cast_embed("lines"), "has no `changeset`", "with_=line_changeset"),
        (lambda made: made.put_embed("lines", {"name": "x"}), r'`types["lines"]` is a list', "[*entries]"),
        (lambda made: made.put_embed("lines", [Address(street="x")]), "is a Line, and `put_embed` got", ""),
        (lambda made: made.put_embed("lines", [{"nam": "x"}]), "nam", "name"),
    ],
)
def test_what_cannot_be_is_refused_with_the_fix(call: Any, message: str, hint: str):
    with pytest.raises(SchemaError) as refused:
        call(begun())
    assert message in str(refused.value)
    assert hint in (refused.value.hint or "")


def test_a_union_needs_a_schema_since_a_type_says_no_tag():
    for union in (Card | Iban, list[Card | Iban], Card | Iban | None):
        with pytest.raises(SchemaError, match="'payment' in `types` is a union of embedded schemas") as refused:
            change({}, types={"payment": union})
        assert 'embeds_one(tag="type")' in (refused.value.hint or "")

from datetime import UTC, datetime
from itertools import count
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectype import (
    Field,
    InvalidChangesetError,
    NoPrimaryKeyError,
    QueryError,
    Schema,
    SchemaError,
    change,
    evolve,
    field,
    meta,
    primary_key,
)
from ectype.repo.rows import Group, grouped
from ectype.repo.sending import changeset_of, inserted_values, key_values
from ectype.repo.stored import loaded_meta, originals_of, stored
from ectype.schema.schema import Timestamps

numbers = count(100)


class Item(Schema, Timestamps, table="items"):
    id: Field[int] = primary_key()
    name: Field[str]
    size: Field[int | None] = field(default=None)
    tags: Field[list[str]] = field(default_factory=list)
    serial: Field[int] = field(autogenerate=lambda: next(numbers))
    twin: Field[int] = field(autogenerate=lambda: next(numbers))
    note: Field[str | None] = field(virtual=True, default=None)


class Cell(Schema, table="cells"):
    row: Field[int] = field(primary_key=True)
    column: Field[int] = field(primary_key=True)
    text: Field[str | None] = field(default=None)


class Token(Schema, table="tokens"):
    id: Field[int] = primary_key(autogenerate=lambda: next(numbers))
    label: Field[str]


ITEM, CELL, TOKEN = Item.__schema__, Cell.__schema__, Token.__schema__
OLD = datetime(2001, 1, 1, tzinfo=UTC)


def test_what_is_set_is_sent_in_order_of_declaration_and_virtual_members_are_not():
    values = inserted_values(ITEM, change(Item(tags=["a"], name="x", note="hidden", size=None)))
    assert list(values) == ["name", "tags", "serial", "twin", "inserted_at", "updated_at"]
    assert values["name"] == "x"


def test_changes_win_over_the_struct_and_a_forced_none_is_sent():
    changeset = change(Item(name="x", size=3), Item.name.set("y")).force_change(Item.size, None)
    values = inserted_values(ITEM, changeset)
    assert (values["name"], values["size"]) == ("y", None)
    forced = inserted_values(ITEM, change(Item(name="x")).force_change(Item.serial, None))
    assert forced["serial"] is None


def test_each_generated_field_has_a_value_of_its_own_and_timestamps_share_one():
    values = inserted_values(ITEM, change(Item(name="x")))
    assert values["serial"] != values["twin"]
    assert values["inserted_at"] is values["updated_at"]
    given_one = inserted_values(ITEM, change(Item(name="x", serial=5, inserted_at=OLD)))
    assert (given_one["serial"], given_one["inserted_at"]) == (5, OLD)
    assert given_one["updated_at"] > OLD


def test_a_struct_is_written_through_its_changeset_and_an_invalid_one_is_refused():
    item = Item(name="x")
    assert changeset_of(item, "insert").data is item
    ready = change(item, Item.size.set(1))
    assert changeset_of(ready, "insert") is ready
    with pytest.raises(InvalidChangesetError) as caught:
        changeset_of(ready.add_error(Item.name, "is bad"), "delete")
    assert caught.value.changeset.action == "delete"
    with pytest.raises(SchemaError):
        changeset_of({"name": "x"}, "insert")


def test_a_key_is_whole_or_refused():
    assert key_values(ITEM, Item(id=3, name="x"), "update") == (3,)
    assert key_values(CELL, Cell(row=1, column=2), "update") == (1, 2)
    for struct, missing in ((Cell(row=1), "Cell.column"), (Cell(row=None, column=2), "Cell.row")):
        with pytest.raises(NoPrimaryKeyError, match=f"`delete` needs `{missing}`"):
            key_values(CELL, struct, "delete")


def test_a_stored_struct_has_the_new_values_the_old_ones_and_knows_where_it_stands():
    item = Item(name="x", note="kept")
    made = stored(ITEM, item, {"id": 1, "name": "y"}, loaded_meta(ITEM, "tenant"), None)
    assert made.__class__ is Item
    assert (made.id, made.name, made.note, made.tags) == (1, "y", "kept", [])
    assert (meta(made).state, meta(made).prefix) == ("loaded", "tenant")
    assert (item.name, meta(item).state) == ("x", "built")
    assert loaded_meta(ITEM, None) is ITEM.loaded


def test_lists_are_compared_later_with_what_was_sent_came_back_or_stood_there_before():
    def originals(data, sent=None, back=None):
        return originals_of(ITEM, "postgres", sent or {}, back or {}, data)

    assert originals(None, sent={"tags": ["a"]}) == (("a",),)
    assert originals(None) == (None,)
    assert originals(None, sent={"tags": ["a"]}, back={"tags": ["b"]}) == (("b",),)
    loaded = stored(ITEM, Item(id=1, name="x", tags=["a"]), {}, ITEM.loaded, (("was",),))
    assert originals(loaded) == (("was",),)
    assert originals(loaded, sent={"tags": ["new"]}) == (("new",),)
    assert originals(Item(name="x", tags=["made by hand"])) == (("made by hand",),)
    assert originals_of(ITEM, "sqlite", {}, {}, Item(name="x", tags=["a"])) == ('["a"]',)
    assert evolve(loaded, name="y")._frozen == (("was",),)


def test_rows_that_are_alike_are_one_group_in_order_of_declaration():
    (group,) = grouped(CELL, ({"text": "x", "row": n, "column": 0} for n in range(3)), timestamps=False)
    assert (group.fields, list(group.positions)) == (("row", "column", "text"), [0, 1, 2])
    assert group.rows() == [(0, 0, "x"), (1, 0, "x"), (2, 0, "x")]
    assert [column.values for column in group.columns] == [[0, 1, 2], [0, 0, 0], ["x", "x", "x"]]
    (single,) = grouped(CELL, [{"row": 1}, {"row": 2}], timestamps=False)
    assert (single.fields, single.rows()) == (("row",), [(1,), (2,)])
    assert grouped(CELL, [], timestamps=False) == []


def test_generated_keys_are_made_and_nothing_else_unless_it_is_asked_for():
    (made, given_one) = grouped(TOKEN, [{"label": "a"}, {"id": 1, "label": "b"}], timestamps=False)[0].rows()
    assert (made[0] >= 100, given_one) == (True, (1, "b"))
    (plain,) = grouped(ITEM, [{"name": "x"}], timestamps=False)
    assert plain.fields == ("name",)
    (full,) = grouped(ITEM, [{"name": "x"}], timestamps=True)
    assert full.fields == ("name", "serial", "twin", "inserted_at", "updated_at")


NAMES = ("row", "column", "text")
ROWS = st.lists(st.dictionaries(st.sampled_from(NAMES), st.none() | st.integers(0, 9)), max_size=12)


@given(ROWS, st.sampled_from(["dict", "proxy", "struct"]))
def test_groups_hold_every_row_once_with_its_own_values(rows, form):
    if form == "struct":
        given_rows = [Cell(**row) for row in rows]
        rows = [{name: value for name, value in row.items() if value is not None} for row in rows]
    else:
        given_rows = [dict(row) if form == "dict" else MappingProxyType(row) for row in rows]
    groups = grouped(CELL, given_rows, timestamps=False)
    assert all(isinstance(group, Group) for group in groups)
    assert sorted(position for group in groups for position in group.positions) == list(range(len(rows)))
    assert len({group.fields for group in groups}) == len(groups)
    for group in groups:
        assert list(group.fields) == [name for name in NAMES if name in group.fields]
        for position, values in zip(group.positions, group.rows(), strict=True):
            assert dict(zip(group.fields, values, strict=True)) == rows[position]


@pytest.mark.parametrize("row", [{"row": 1, "text2": 2}, {"row": 1, 3: 2}, 5, "row", Token(label="x")])
def test_a_row_that_is_none_is_refused_alone_and_among_others(row):
    for rows in ([row], [{"row": 1, "text": "x"}, row], [{"row": 1}, row]):
        with pytest.raises(QueryError, match="Cell"):
            grouped(CELL, rows, timestamps=False)

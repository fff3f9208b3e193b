from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectype import CastError, Field, FrozenError, Schema, field, meta, primary_key
from ectype.query.ast import EntityRow, TupleRow, ValueRow
from ectype.repo.loader import MANY_ROWS, build
from ectype.sql.statement import Column

PLAIN = Column(None, nullable=False, name="Plain.value")
MAYBE = Column(None, nullable=True)
DOUBLED = Column(lambda value: value * 2, nullable=False, name="Doubled.value")


class Note(Schema, table="notes"):
    id: Field[int] = primary_key()
    text: Field[str | None]
    tags: Field[list[str]] = field(default_factory=list)
    draft: Field[list[int]] = field(virtual=True, default_factory=list)
    hint: Field[str] = field(virtual=True, default="none")
    bare: Field[str | None] = field(virtual=True)


NOTE = (PLAIN, MAYBE, Column(None, nullable=False, mutable=True, name="Note.tags"))
ENTITY = EntityRow(Note.__schema__, ("id", "text", "tags"), 0, optional=False)


def as_int(text: Any) -> int:
    """What a type's careful loader does: it says why it cannot."""
    try:
        return int(text)
    except (TypeError, ValueError):
        raise CastError(f"{text!r} is no number") from None


NUMBER = Column(as_int, nullable=False, inline="{f}({v})", names={"f": int}, name="Note.number")


def test_a_row_of_one_value_is_that_value():
    assert build((DOUBLED,), ValueRow(0))([(1,), (2,)]) == [2, 4]
    assert build((PLAIN, DOUBLED), ValueRow(1))([(1, 2)]) == [4]
    assert build((PLAIN,), ValueRow(0))([]) == []


def test_a_row_without_a_shape_is_a_tuple_of_all():
    assert build((PLAIN, DOUBLED), None)([(1, 2)]) == [(1, 4)]
    assert build((PLAIN,), None)([(1,)]) == [(1,)]
    assert build((), None)([(), ()]) == [(), ()]


def test_shapes_nest():
    row = TupleRow((ENTITY, ValueRow(3), ENTITY))
    first, value, second = build((*NOTE, DOUBLED), row)([(1, "x", ["a"], 5)])[0]
    assert (first, value, second) == (Note(id=1, text="x", tags=["a"]), 10, first)
    assert first is not second


def test_null_is_none_where_it_may_be_and_is_never_converted():
    nullable = Column(DOUBLED.load, nullable=True)
    assert build((nullable, MAYBE), None)([(None, None), (1, 2)]) == [(None, None), (2, 2)]


@pytest.mark.parametrize("column", [PLAIN, DOUBLED, NUMBER], ids=["as it is", "converted", "in place"])
def test_null_where_none_may_be_names_the_column(column):
    load = build((MAYBE, column), None)
    assert len(load([(None, 1)])) == 1
    with pytest.raises(CastError) as caught:
        load([(1, 1), (1, None)])
    assert str(caught.value).startswith(
        f"`{column.name}` is NULL in the database, and the schema says that it never is"
    )
    assert caught.value.__notes__ == [f"in the column `{column.name}`"]


def test_what_the_expression_in_place_refuses_is_asked_once_more_and_poisons_no_other_row():
    slow = Column(datetime.fromisoformat, nullable=True, slow_load=lambda text: f"<{text}>", name="Note.at")
    row = build((slow, NUMBER), None)
    moment = datetime(2026, 1, 1)
    assert row([("2026-01-01", "1"), ("infinity", "2"), (None, "3")]) == [(moment, 1), ("<infinity>", 2), (None, 3)]
    with pytest.raises(CastError, match="'x' is no number") as caught:
        row([("infinity", "1"), ("2026-01-01", "x")])
    assert caught.value.__notes__ == ["in the column `Note.number`"]


def test_an_error_that_is_not_about_a_value_rises_as_it_is():
    def broken(_value: object) -> object:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        build((Column(broken, nullable=False),), None)([(1,)])


def test_a_struct_is_frozen_loaded_and_remembers_what_its_lists_were():
    (note,) = build(NOTE, ENTITY)([(1, "x", ["a"])])
    assert note.__class__ is Note
    assert meta(note) == meta(note).__class__("loaded", "notes", None)
    with pytest.raises(FrozenError):
        note.text = "y"
    note.tags.append("b")
    assert note._frozen == (("a",),)
    (text,) = build(NOTE, ENTITY)([(1, "x", '["a"]')])
    assert text._frozen == ('["a"]',)


def test_virtual_members_have_their_defaults_as_if_the_constructor_had_been_called():
    first, second = build(NOTE, ENTITY)([(1, "x", []), (1, "x", [])])
    assert first == Note(id=1, text="x")
    assert first.draft == []
    assert first.draft is not second.draft
    with pytest.raises(AttributeError):
        _ = first.bare


def test_a_struct_that_an_outer_join_left_out_is_none():
    columns = tuple(Column(column.load, nullable=True, mutable=column.mutable) for column in NOTE)
    row = EntityRow(Note.__schema__, ("id", "text", "tags"), 0, optional=True)
    found = build(columns, TupleRow((row, ValueRow(1))))([(None, None, None), (1, None, [])])
    assert found == [(None, None), (Note(id=1, text=None), None)]


def test_a_struct_of_a_prefix_says_so():
    (note,) = build(NOTE, ENTITY, "tenant")([(1, "x", [])])
    assert (meta(note).state, meta(note).source, meta(note).prefix) == ("loaded", "notes", "tenant")


class Line(Schema):
    title: Field[str]
    count: Field[int]


@dataclass
class Card:
    title: str
    count: int


def test_makers_are_called_by_name_or_by_position():
    columns, items = (PLAIN, DOUBLED), (ValueRow(0), ValueRow(1))
    assert build(columns, TupleRow(items, Card, ("title", "count")))([("a", 1)]) == [Card("a", 2)]
    assert build(columns, TupleRow(items, Card))([("a", 1)]) == [Card("a", 2)]
    assert build(columns, TupleRow(items, Line.__schema__, ("title", "count")))([("a", 1)]) == [
        Line(title="a", count=2)
    ]


def test_a_loader_holds_no_value_of_an_earlier_call():
    load = build(NOTE, ENTITY)
    assert load([(1, "x", ["a"])])[0] is not load([(1, "x", ["a"])])[0]
    assert [note.id for note in load([(2, None, [])])] == [2]


CELLS = st.none() | st.integers(-3, 3)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=10), st.lists(st.integers(0, 2), min_size=1, max_size=5))
def test_any_choice_of_columns_gives_what_reading_the_rows_by_hand_gives(rows, chosen):
    columns = (MAYBE, Column(lambda value: -value, nullable=True), Column(str, nullable=True))
    convert = (lambda value: value, lambda value: -value, str)
    expected = [tuple(None if row[index] is None else convert[index](row[index]) for index in chosen) for row in rows]
    assert build(columns, TupleRow(tuple(ValueRow(index) for index in chosen)))(rows) == expected


@pytest.mark.parametrize(
    "row",
    [
        ENTITY,
        EntityRow(Note.__schema__, ("id", "text", "tags"), 0, optional=True),
        EntityRow(Note.__schema__, ("id", "text"), 0, optional=False, whole=False),
        EntityRow(Note.__schema__, ("id", "text", "tags"), 0, False, "archive", "old"),
        TupleRow((ENTITY, ValueRow(1))),
        ValueRow(2),
    ],
    ids=["struct", "optional", "partial", "elsewhere", "tuple", "value"],
)
def test_many_rows_become_what_each_of_them_becomes_alone(row: Any):
    load = build(NOTE, row)
    rows = [(number, None if number % 3 else "x", [str(number)]) for number in range(MANY_ROWS + 1)]
    many, alone = load(rows), [load([one])[0] for one in rows]
    assert many == alone
    structs = [one[0] if isinstance(one, tuple) else one for one in many]
    if isinstance(structs[0], Note):
        assert len({id(one) for one in structs}) == len(rows)
        assert [meta(one) for one in structs] == [meta(one[0] if isinstance(one, tuple) else one) for one in alone]
        assert {type(one) for one in structs} == {Note}
        with pytest.raises(FrozenError):
            structs[-1].id = 1


def test_among_many_rows_the_one_that_cannot_be_loaded_names_its_column():
    rows: list[tuple[Any, ...]] = [(number, "x", []) for number in range(MANY_ROWS)]
    with pytest.raises(CastError, match=r"`Plain\.value` is NULL") as caught:
        build(NOTE, ENTITY)([*rows, (None, "x", [])])
    assert caught.value.__notes__ == ["in the column `Plain.value`"]

"""Structs: made, read, compared, printed, copied and pickled, and never changed."""

import copy
import gc
import pickle
import sys
import weakref
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectype import (
    BelongsTo,
    Field,
    FrozenError,
    HasMany,
    NotLoadedError,
    Registry,
    Schema,
    SchemaError,
    Timestamps,
    belongs_to,
    evolve,
    field,
    has_many,
    is_loaded,
    meta,
    primary_key,
)
from ectype.schema.meta import Meta, intern_meta
from ectype.schema.structs import UNSET, placed, restore, state_of, values_of


class House(Schema, abstract=True, registry=Registry()):
    pass


class Room(House, table="rooms"):
    id: Field[int] = primary_key()
    name: Field[str]
    seats: Field[int] = field(default=1)
    code: Field[str | None] = field(default=None, redact=True)
    tags: Field[list[str]] = field(default_factory=list)
    note: Field[str] = field(virtual=True, default="")
    desks: HasMany["Desk"] = has_many()


class Desk(House, table="desks"):
    id: Field[int] = primary_key()
    room_id: Field[int]
    room: BelongsTo[Room] = belongs_to()


class Pair(House, table="pairs"):
    left: Field[int] = field(primary_key=True)
    right: Field[str] = field(primary_key=True)


class Shape(House):
    size: Field[int]


class Awkward(House, table="awkward"):
    self: Field[int]
    struct: Field[int]
    info: Field[int]
    cls: Field[int] = field(default=0)


def loaded(model: Any, **values: Any) -> Any:
    """Make a struct as a loader does: a twin is filled and then given the schema's class."""
    made: Any = object.__new__(model.__schema__.twin)
    for name, value in values.items():
        setattr(made, name, value)
    made.__class__ = model
    return made


# --- making and reading -----------------------------------------------------------------------------------------------


def test_the_constructor_fills_defaults_and_leaves_the_rest_unset():
    room = Room(name="Lab")
    assert (room.name, room.seats, room.code, room.tags, room.note) == ("Lab", 1, None, [], "")
    assert not hasattr(room, "id")
    with pytest.raises(AttributeError):
        _ = room.id
    assert values_of(room) == {"name": "Lab", "seats": 1, "code": None, "tags": [], "note": ""}


def test_each_struct_gets_a_default_of_its_own():
    assert Room(name="a").tags is not Room(name="b").tags


def test_members_may_have_any_name():
    made = Awkward(self=1, struct=2, info=3)
    assert (made.self, made.struct, made.info, made.cls) == (1, 2, 3, 0)
    assert evolve(made, self=4, struct=5).struct == 5


@pytest.mark.parametrize("name", ["nmae", "_meta", "_frozen", "__class__", "_assoc_desks"])
def test_the_constructor_takes_members_only(name: str):
    with pytest.raises(SchemaError, match=f"Room has no member `{name}`"):
        Room(**{name: 1})


def test_a_misspelt_member_is_corrected():
    with pytest.raises(SchemaError) as caught:
        Room(nmae="Lab")
    assert str(caught.value) == "Room has no member `nmae`\n\nhint: did you mean `name`?"


def test_the_constructor_takes_keywords_only():
    with pytest.raises(TypeError):
        Room("Lab")  # type: ignore[misc]


# --- never changed ----------------------------------------------------------------------------------------------------


def test_assignment_is_refused_with_what_to_do_instead():
    room = Room(name="Lab")
    with pytest.raises(FrozenError) as caught:
        room.name = "Hall"
    assert str(caught.value) == (
        "a struct never changes: `Room.name` cannot be set\n\n"
        "hint: copy it with `evolve(struct, name=…)`, or store a change with "
        "`repo.update(change(struct).put_change(Room.name, …))`"
    )
    assert isinstance(caught.value, AttributeError)
    for name in ("id", "desks", "unknown", "_meta", "__class__"):
        with pytest.raises(FrozenError):
            setattr(room, name, 1)
    assert room.name == "Lab"


def test_deletion_is_refused():
    room = Room(name="Lab")
    with pytest.raises(FrozenError, match=r"a struct never changes: `Room.name` cannot be deleted"):
        del room.name
    assert room.name == "Lab"


# --- memory -----------------------------------------------------------------------------------------------------------


def test_a_struct_has_slots_and_no_dict():
    room = Room(name="Lab")
    assert not hasattr(room, "__dict__")
    assert sys.getsizeof(room) <= 40 + 8 * (len(Room.__schema__.slots) + 1)  # the head and the slots
    assert not hasattr(Shape(size=1), "__dict__")


def test_a_struct_can_be_referenced_weakly():
    room = Room(name="Lab")
    reference = weakref.ref(room)
    assert reference() is room
    del room
    gc.collect()
    assert reference() is None


def test_a_loaded_struct_is_of_the_schema_and_frozen():
    room = loaded(Room, id=1, name="Lab")
    assert type(room) is Room
    assert meta(room) is Room.__schema__.loaded
    assert meta(room) == Meta("loaded", "rooms")
    with pytest.raises(FrozenError):
        room.name = "Hall"
    assert Room.__schema__.registry.find("Room") is Room


# --- equality and hash ------------------------------------------------------------------------------------------------


def test_structs_are_equal_by_class_and_values():
    assert Room(id=1, name="a") == Room(id=1, name="a")
    assert Room(id=1, name="a") == loaded(Room, id=1, name="a", seats=1, code=None, tags=[], note="")
    assert Room(id=1, name="a") != Room(id=2, name="a")
    assert Room(id=1, name="a") != Room(name="a")
    assert Room(name="a", note="x") != Room(name="a")
    assert Desk(id=1, room_id=1) != Pair(left=1, right="x")
    assert Room(name="a") != "a"


def test_associations_and_meta_do_not_count():
    assert Room(name="a", desks=[Desk(id=1, room_id=1)]) == Room(name="a")
    assert placed(Room(name="a"), intern_meta("deleted", "rooms")) == Room(name="a")


def test_a_hash_is_that_of_class_and_key():
    assert hash(Room(id=1, name="a")) == hash(Room(id=1, name="b"))
    assert len({Room(id=1, name="a"), Room(id=1, name="a"), Room(id=2, name="a")}) == 2
    assert hash(Pair(left=1, right="x")) == hash(Pair(left=1, right="x"))

    class Hall(Schema, table="halls"):
        id: Field[int] = primary_key()

    assert hash(Hall(id=1)) != hash(Room(id=1, name="a"))


@pytest.mark.parametrize(
    ("struct", "message"),
    [
        (Room(name="a"), "Room cannot be hashed while its primary key is unset"),
        (Room(id=None, name="a"), "Room cannot be hashed while its primary key is unset"),  # type: ignore[arg-type]
        (Pair(left=1), "Pair cannot be hashed while its primary key is unset"),  # type: ignore[call-arg]
        (Shape(size=1), "Shape cannot be hashed without a primary key"),
    ],
    ids=repr,
)
def test_without_a_key_there_is_no_hash(struct: Any, message: str):
    with pytest.raises(SchemaError) as caught:
        hash(struct)
    assert str(caught.value) == (
        f"{message}\n\nhint: insert it first, or use a list, or a dict keyed by a value of your own"
    )


# --- printing ---------------------------------------------------------------------------------------------------------


def test_a_struct_prints_everything_but_secrets():
    room = Room(name="Lab", code="1234")
    assert repr(room) == (
        "Room(id=<unset>, name='Lab', seats=1, code=<redacted>, tags=[], note='', desks=<not loaded>)"
    )
    full = evolve(room, id=7, desks=[Desk(id=1, room_id=7)])
    assert repr(full) == (
        "Room(id=7, name='Lab', seats=1, code=<redacted>, tags=[], note='', "
        "desks=[Desk(id=1, room_id=7, room=<not loaded>)])"
    )


def test_structs_that_hold_each_other_print():
    room = Room(id=1, name="Lab", desks=[])
    room.desks.append(Desk(id=2, room_id=1, room=room))
    assert "room=...)" in repr(room)


# --- associations -----------------------------------------------------------------------------------------------------


def test_what_was_not_loaded_says_how_to_load_it():
    with pytest.raises(NotLoadedError) as caught:
        _ = loaded(Room, id=1, name="Lab").desks
    assert str(caught.value) == (
        "`Room.desks` is not loaded\n\n"
        "hint: load it with the query, or afterwards:\n\n"
        "    from_(Room).preload(Room.desks)\n"
        "    struct = await repo.preload(struct, Room.desks)"
    )
    assert not isinstance(caught.value, AttributeError)


def test_what_is_not_stored_yet_says_so():
    with pytest.raises(NotLoadedError) as caught:
        _ = Room(name="Lab").desks
    assert str(caught.value) == (
        "`Room.desks` is not loaded: this struct was built here and is not stored yet\n\n"
        "hint: give it to the constructor, `Room(desks=…)`, or insert the struct and then:\n\n"
        "    await repo.preload(struct, Room.desks)"
    )


def test_an_association_is_kept_in_its_own_slot():
    room = Room(name="Lab")
    object.__setattr__(room, "desks", [])  # past the refusal, as only a debugger does
    assert room.desks == []
    assert state_of(room)["desks"] == []


def test_what_was_given_is_loaded():
    desk = Desk(id=1, room_id=1)
    room = Room(name="Lab", desks=[desk])
    assert room.desks == [desk]
    assert is_loaded(room, Room.desks)
    assert not is_loaded(desk, Desk.room)


# --- copying and pickling ---------------------------------------------------------------------------------------------


STRUCTS = [
    Room(name="Lab"),
    Room(id=1, name="Lab", code="x", tags=["a"], desks=[Desk(id=2, room_id=1)]),
    placed(Room(id=1, name="Lab"), intern_meta("deleted", "rooms", "other")),
    loaded(Room, id=1, name="Lab", _frozen=(("a",),)),
    Pair(left=1, right="x"),
    Shape(size=3),
]


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and one == other and repr(one) == repr(other) and meta(one) is meta(other)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("struct", STRUCTS, ids=repr)
def test_a_struct_is_pickled(struct: Any, protocol: int):
    back = pickle.loads(pickle.dumps(struct, protocol))
    assert _same(back, struct)
    assert set(state_of(back)) == set(state_of(struct))
    with pytest.raises(FrozenError):
        back.name = "x"


@pytest.mark.parametrize("struct", STRUCTS, ids=repr)
def test_a_struct_is_copied(struct: Any):
    assert _same(copy.copy(struct), struct)
    assert _same(copy.deepcopy(struct), struct)


def test_a_copy_is_shallow_and_a_deep_copy_is_not():
    room = Room(name="Lab", tags=["a"], desks=[Desk(id=1, room_id=1)])
    assert copy.copy(room).tags is room.tags
    deep = copy.deepcopy(room)
    assert deep.tags == room.tags
    assert deep.tags is not room.tags
    assert deep.desks[0] is not room.desks[0]


@pytest.mark.parametrize("again", [copy.deepcopy, lambda struct: pickle.loads(pickle.dumps(struct))])
def test_structs_that_hold_each_other_are_copied_and_pickled(again: Any):
    room = Room(id=1, name="Lab", desks=[])
    room.desks.append(Desk(id=2, room_id=1, room=room))
    back = again(room)
    assert back.desks[0].room is back
    assert back is not room


def test_a_pickle_of_a_member_that_is_gone_is_refused_by_name():
    with pytest.raises(SchemaError, match="Shape has no member `colour`"):
        restore(Shape, {"size": 1, "colour": "red"})


@given(name=st.text(), seats=st.integers(), tags=st.lists(st.text()))
def test_evolve_changes_what_is_named_and_nothing_else(name: str, seats: int, tags: list[str]):
    room = Room(id=1, name="Lab", desks=[])
    made = evolve(room, name=name, seats=seats, tags=tags)
    assert (made.id, made.name, made.seats, made.tags, made.desks) == (1, name, seats, tags, [])
    assert (room.name, room.seats, room.tags) == ("Lab", 1, [])


def test_evolve_keeps_what_is_known_of_the_row():
    room = loaded(Room, id=1, name="Lab", _frozen=(("a",),))
    made = evolve(room, name="Hall")
    assert meta(made) is meta(room)
    assert state_of(made)["_frozen"] == (("a",),)
    assert not is_loaded(made, Room.desks)


@pytest.mark.parametrize("name", ["nmae", "_meta", "_frozen"])
def test_evolve_takes_members_only(name: str):
    with pytest.raises(SchemaError, match=f"Room has no member `{name}`"):
        evolve(Room(name="Lab"), **{name: 1})


def test_replace_of_the_copy_module_does_the_same():
    room = Room(id=1, name="Lab")
    replace = getattr(copy, "replace", lambda struct, /, **values: struct.__replace__(**values))
    assert replace(room, name="Hall") == evolve(room, name="Hall")
    assert replace(Awkward(self=1, struct=2, info=3), struct=9).struct == 9


# --- meta -------------------------------------------------------------------------------------------------------------


def test_meta_says_where_a_struct_came_from():
    assert meta(Room(name="a")) == Meta("built", "rooms")
    assert meta(Room(name="a")) is meta(Room(name="b"))
    assert meta(Shape(size=1)).source is None
    with pytest.raises(SchemaError, match="a struct of a schema was expected, got 'x'"):
        meta("x")


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_meta_stays_one_value(again: Any):
    one = intern_meta("loaded", "rooms", "p")
    assert again(one) is one


def test_the_mark_of_what_is_unset_prints():
    assert repr(UNSET) == "<unset>"


class Stamped(House, Timestamps, table="stamped"):
    id: Field[int] = primary_key()
    name: Field[str]


def test_timestamps_come_last_and_are_unset_until_stored():
    assert Stamped.__schema__.field_names == ("id", "name", "inserted_at", "updated_at")
    assert repr(Stamped(name="x")) == "Stamped(id=<unset>, name='x', inserted_at=<unset>, updated_at=<unset>)"
    assert not hasattr(Stamped(name="x"), "__dict__")

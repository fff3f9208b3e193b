"""What `structure` declares, made in a database, refused by it, and found by the changesets that name no constraint."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from ectype import (
    Field,
    Invalid,
    Ok,
    Range,
    Registry,
    Repo,
    Schema,
    change,
    database_object,
    database_objects,
    field,
    from_,
)
from ectype.sql.structure_text import object_texts
from tests.integration.repo.rooms import BOOKINGS, Booking, Building, Kind, Room, opened


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[Repo]:
    async with opened(database_url) as repo:
        yield repo


KEY = UUID(int=7)
REFUSED: dict[str, tuple[Any, Any, str, str]] = {
    "a name that is taken": (
        {"name": "taken"},
        lambda one: one.unique_constraint(Room.name),
        "name",
        "rooms_name_index",
    ),
    "an index over an expression": (
        {"email": "ADA@EXAMPLE.ORG"},
        lambda one: one.unique_constraint(Room.email),
        "email",
        "rooms_lower_email",
    ),
    "an index over some rows": (
        {"kind": Kind.CELL, "key": KEY},
        lambda one: one.unique_constraint(Room.key),
        "key",
        "rooms_one_key",
    ),
    "a check of one column": (
        {"rows": 0},
        lambda one: one.check_constraint(Room.rows),
        "rows",
        "rows_fit",
    ),
    "a check of two columns": ({"rows": 9}, lambda one: one.check_constraint(Room.rows), "rows", "rows_fit"),
    "a check whose values are money": (
        {"price": Decimal("1000.00")},
        lambda one: one.check_constraint(Room.price),
        "price",
        "cheap",
    ),
    "a check whose value has a quote": (
        {"name": "it's"},
        lambda one: one.check_constraint(Room.name),
        "name",
        "quoted",
    ),
    "a check of a day": ({"opened": date(1900, 1, 1)}, lambda one: one.check_constraint(Room.opened), "opened", "old"),
    "a check of a moment": (
        {"made_at": datetime(1900, 1, 1, tzinfo=UTC)},
        lambda one: one.check_constraint(Room.made_at),
        "made_at",
        "older",
    ),
    "a check in words of its own": (
        {"label": "x" * 30},
        lambda one: one.check_constraint(Room.label),
        "label",
        "own_words",
    ),
    "the key of an association": (
        {"building_id": 99},
        lambda one: one.assoc_constraint(Room.building),
        "building",
        "rooms_building_id_fkey",
    ),
    "a key of another column": (
        {"old_code": "none"},
        lambda one: one.foreign_key_constraint(Room.old_code),
        "old_code",
        "rooms_old_building",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("values", "declare", "key", "name"), REFUSED.values(), ids=REFUSED)
async def test_what_the_database_refuses_is_an_error_of_the_field_without_a_name(
    house: Repo, values: dict[str, Any], declare: Any, key: str, name: str
):
    await house.insert(Room(name="taken", email="ada@example.org", kind=Kind.CELL, key=KEY))
    changeset = declare(change(Room(**{"name": "new", **values})))
    assert [one.name for one in changeset.constraints] == [name]
    match await house.try_insert(changeset):
        case Invalid(refused):
            ((field, error),) = refused.errors
            assert field == key
            assert error.meta["constraint_name"] == name
        case Ok(stored):
            pytest.fail(f"the database took {stored!r}")


async def test_a_row_that_meets_everything_is_stored_with_what_the_database_computes(house: Repo):
    building = await house.insert(Building(code="b"))
    room = await house.insert(Room(name="a", seats=7, rows=7, building_id=building.id, old_code="b", key=KEY))
    assert room.area == 14
    room = await house.update(change(room, Room.seats.set(8)))
    assert room.area == 16
    assert await house.one(from_(Room).select(Room.label, Room.price)) == ("none", Decimal("1.50"))
    # The key of a hall is in no index.
    assert (await house.insert(Room(name="b", key=KEY))).seats == 5
    await house.update(change(building, Building.code.set("c")))
    await house.delete(await house.insert(Building(code="other")))
    assert (await house.get_or_raise(Room, room.id)).old_code == "c"


async def test_the_defaults_that_a_column_declares_fill_what_is_left_out(house: Repo):
    await house.insert_all(Room, [{"name": "a", "kind": Kind.HALL}])
    assert await house.one(from_(Room).select(Room.seats, Room.price, Room.label)) == (5, Decimal("1.50"), "none")


async def has_extension(repo: Repo, name: str) -> bool:
    rows = (await repo.query("SELECT count(*) FROM pg_available_extensions WHERE name = {}", name)).rows
    return rows == [(1,)]


@pytest.mark.postgres
async def test_no_two_rows_meet_all_pairs_of_an_exclusion(fresh_postgres_url: str):
    async with Repo(fresh_postgres_url) as repo:
        if not await has_extension(repo, "btree_gist"):
            pytest.skip("this server has no btree_gist")
        await repo.query("CREATE EXTENSION btree_gist")
    async with opened(fresh_postgres_url, BOOKINGS) as repo:
        await repo.insert(Booking(room_id=1, during=Range(1, 5)))
        await repo.insert(Booking(room_id=2, during=Range(1, 5)))
        changeset = change(Booking(room_id=1, during=Range(4, 6))).exclusion_constraint(Booking.during)
        match await repo.try_insert(changeset):
            case Invalid(refused):
                assert refused.traverse_errors() == {"during": ["violates an exclusion constraint"]}
            case Ok(stored):
                pytest.fail(f"the database took {stored!r}")
        comments = await repo.query(
            "SELECT obj_description('rooms'::regclass), obj_description('bookings_room_id_index'::regclass)"
        )
        assert comments.rows == [("where people meet", "by room")]


class Apart(Schema, abstract=True, registry=Registry()):
    """Its database objects are its own."""


class Big(Apart, table="big_rooms"):
    id: Field[int] = field(primary_key=True)
    name: Field[str]


database_object("enum", "mood", values=["calm", "o'clock"], base=Apart)
database_object("extension", "citext", base=Apart)
database_object(
    "view",
    "big_rooms",
    create="CREATE VIEW big_rooms AS SELECT id, name FROM rooms WHERE seats > 9",
    drop="DROP VIEW big_rooms",
    base=Apart,
)


async def test_database_objects_are_made_used_and_removed(house: Repo):
    texts = [made for one in database_objects(Apart) if (made := object_texts(one, house.adapter.dialect))]
    if house.adapter.dialect.index_options and not await has_extension(house, "citext"):
        pytest.skip("this server has no citext")
    for create, _ in texts:
        await house._session.script(create)
    await house.insert_all(
        Room, [{"name": "a", "seats": 10, "kind": Kind.HALL}, {"name": "b", "seats": 2, "kind": Kind.HALL}]
    )
    assert await house.all(from_(Big).select(Big.name)) == ["a"]
    if house.adapter.dialect.index_options:
        moods = (await house.query("SELECT unnest(enum_range(NULL::mood))::text")).rows
        assert moods == [("calm",), ("o'clock",)]
    for _, drop in reversed(texts):
        await house._session.script(drop)

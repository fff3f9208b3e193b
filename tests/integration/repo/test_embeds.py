"""Embedded structs: what is stored comes back equal, whatever its types, in every way in and out, on both databases."""

import copy
import json
import pickle
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ectype import (
    CastError,
    EmbeddedSchema,
    EmbedsOne,
    Field,
    FrozenError,
    Interval,
    QueryError,
    Range,
    Repo,
    Schema,
    SchemaError,
    change,
    embeds_one,
    evolve,
    field,
    fn,
    from_,
    primary_key,
    replace_all,
)
from ectype.telemetry import QueryEvent
from tests.integration.repo.blog import Role, Stars
from tests.integration.repo.wares import Address, Box, Card, Everything, Inner, Line, Order, Size, Transfer, tables

PARIS = timezone(timedelta(hours=2))
KEY = UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=5,
).filter(lambda value: "-0.0" not in repr(value))
"""`jsonb` has no negative zero, which a member of any kind could not tell from zero."""
moments = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.sampled_from([UTC, PARIS]))
decimals = st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**12), max_value=10**12)
whole = st.integers(-(2**63), 2**63 - 1)
inners = st.builds(Inner, name=text, tags=st.lists(text, max_size=3))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "integer": whole,
    "text": text,
    "flag": st.booleans(),
    "ratio": st.floats(allow_nan=False, allow_infinity=False),
    "exact": decimals,
    "scaled": st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9),
    "blob": st.binary(max_size=8),
    "uuid": st.uuids(),
    "moment": moments,
    "day": st.dates(),
    "clock": st.times(),
    "span": st.timedeltas(timedelta(days=-10_000), timedelta(days=10_000)),
    "interval": st.builds(Interval, months=st.integers(-99, 99), days=st.integers(-99, 99)),
    "role": st.sampled_from(Role),
    "stars": st.sampled_from(Stars),
    "document": st.dictionaries(text, json_values, max_size=3),
    "items": st.lists(json_values, max_size=3),
    "anything": json_values,
    "flags": st.lists(st.booleans(), max_size=3),
    "prices": st.lists(st.none() | decimals, max_size=3),
    "digests": st.lists(st.binary(max_size=4), max_size=3),
    "moments": st.lists(moments, max_size=2),
    "slug": text,
    "size": st.builds(Size, width=st.integers(-(2**53), 2**53), labels=st.lists(text, max_size=2)),
    "numbers": st.builds(lambda low, size: Range(low, low + size), st.integers(-99, 99), st.integers(1, 99)),
    "spell": st.builds(
        lambda low: Range(low, low + timedelta(hours=1)),
        st.datetimes(timezones=st.just(UTC), max_value=datetime(9000, 1, 1)),
    ),
    "place": st.lists(st.floats(-1e6, 1e6, width=32), min_size=2, max_size=2),
    "inner": inners,
    "inners": st.lists(inners, max_size=2),
    "secret": text,
}
everything = st.fixed_dictionaries({}, optional=VALUES).map(lambda values: Everything(id=KEY, **values))


@pytest.fixture(autouse=True)
async def _wares(repo: Repo) -> AsyncIterator[None]:
    async with tables(repo):
        yield


def test_every_field_of_the_schema_is_among_the_values() -> None:
    assert {*VALUES, "id", "spoken"} == set(Everything.__schema__.field_names)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data())
async def test_structs_of_every_type_come_back_equal(repo: Repo, data: st.DataObject) -> None:
    one = data.draw(st.none() | everything)
    many = [evolve(one, id=UUID(int=at)) for at, one in enumerate(data.draw(st.lists(everything, max_size=2)))]
    box = await repo.insert(Box(one=one, many=many))
    found = await repo.get_or_raise(Box, box.id)
    assert (found.one, found.many) == (one, many)
    assert (box.one, box.many) == (one, many)
    for left, right in zip([found.one, *found.many], [one, *many], strict=True):
        if left is not None:
            for name in Everything.__schema__.field_names:
                assert getattr(left, name).__class__ is getattr(right, name).__class__, name
    assert change(found).put_embed(Box.one, one).put_embed(Box.many, many).changes == {}


STORED = [
    ("flag", True, True),
    ("ratio", 1e16, 1e16),
    ("exact", Decimal("1.50"), "1.50"),
    ("blob", b"\x00\xff", "00ff"),
    ("uuid", KEY, str(KEY)),
    ("moment", datetime(2026, 11, 1, 10, 2, 3, tzinfo=PARIS), "2026-11-01T08:02:03.000000Z"),
    ("moment", datetime(1, 1, 2, tzinfo=UTC), "0001-01-02T00:00:00.000000Z"),
    ("day", date(2026, 11, 1), "2026-11-01"),
    ("clock", time(9, 2), "09:02:00.000000"),
    ("span", timedelta(seconds=1), 1_000_000),
    ("role", Role.ADMIN, "admin"),
    ("stars", Stars.TWO, 2),
    ("flags", [True, False], [True, False]),
    ("prices", [Decimal("1.10"), None], ["1.10", None]),
    ("digests", [b"\x00"], ["00"]),
    ("slug", "abc", "cba"),
    ("size", Size(width=1), {"width": 1, "labels": []}),
    ("place", [1.0, 2.5], [1, 2.5]),
    ("inner", Inner(name="a"), {"name": "a", "tags": []}),
]


@pytest.mark.parametrize(("name", "value", "stored"), STORED, ids=lambda value: str(value)[:20])
async def test_the_form_of_a_member_in_the_document_is_fixed(repo: Repo, name: str, value: Any, stored: Any) -> None:
    box = await repo.insert(Box(one=Everything(id=KEY, **{name: value})))
    assert await raw(repo, "one") == {
        **dict.fromkeys(keys_of(Everything)),
        "inners": [],
        "id": str(KEY),
        name: stored,
    }
    assert (await repo.get_or_raise(Box, box.id)).one == Everything(id=KEY, **{name: value})


def keys_of(schema: Any) -> list[str]:
    return list(schema.__schema__.column_names)


async def raw(repo: Repo, column: str, table: str = "boxes") -> Any:
    rows = (await repo.query(f"SELECT CAST({column} AS text) FROM {table}")).rows  # type: ignore[arg-type]
    assert len(rows) == 1
    return None if rows[0][0] is None else json.loads(rows[0][0])


async def stored(repo: Repo, column: str, document: object, table: str = "boxes") -> None:
    """Set a column behind the schema's back."""
    text = None if document is None else json.dumps(document).replace("'", "''")
    value = "NULL" if text is None else f"'{text}'"
    await repo._session.script(f"UPDATE {table} SET {column} = {value}")


async def test_check_31_unknown_keys_are_ignored_and_missing_ones_get_the_default(repo: Repo) -> None:
    order = await repo.insert(Order(number="1"))
    await stored(repo, "address", {"street": "Rue", "planet": "Earth"}, "orders")
    found = await repo.get_or_raise(Order, order.id)
    assert found.address == Address(street="Rue", city="Paris", notes=[])


class Badge(EmbeddedSchema):
    colour: Field[str | None] = field(default="red")
    labels: Field[list[str]] = field(default_factory=lambda: ["new"])


class Coat(Schema, table="boxes"):
    id: Field[int] = primary_key()
    badge: EmbedsOne[Badge | None] = embeds_one(source="one")


@pytest.mark.parametrize(
    ("document", "badge"),
    [
        ({}, Badge(colour="red", labels=["new"])),
        ({"colour": None}, Badge(colour=None, labels=["new"])),
        ({"colour": "blue", "labels": []}, Badge(colour="blue", labels=[])),
    ],
)
async def test_a_null_in_the_document_is_none_and_not_the_default(repo: Repo, document: Any, badge: Badge) -> None:
    coat = await repo.insert(Coat(badge=Badge()))
    await stored(repo, "one", document)
    assert (await repo.get_or_raise(Coat, coat.id)).badge == badge


async def test_an_embed_that_equals_in_python_only_has_changed(repo: Repo) -> None:
    box = await repo.insert(Box(one=Everything(id=KEY, document={"a": 1, "b": True})))
    for document in ({"a": True, "b": True}, {"a": 1, "b": 1}):
        changed = change(box).put_embed(Box.one, Everything(id=KEY, document=document))
        assert "one" in changed.changes
        stored = await repo.update(changed)
        assert stored.one is not None
        again = await repo.get_or_raise(Box, box.id)
        assert again.one is not None
        assert repr(again.one.document) == repr(document)


async def test_null_is_an_empty_list_for_many_and_none_for_one(repo: Repo) -> None:
    box = await repo.insert(Box(one=Everything(), many=[Everything()]))
    for document in (None, "null"):
        await repo._session.script(
            f"UPDATE boxes SET one = {'NULL' if document is None else repr(document)}, "
            f"many_of_them = {'NULL' if document is None else repr(document)}"
        )
        found = await repo.get_or_raise(Box, box.id)
        assert (found.one, found.many) == (None, [])
        assert await repo.all(from_(Box).select(Box.one, Box.many)) == [(None, [])]
        assert change(found).put_embed(Box.many, []).changes == {}


MISFITS = [
    ("address", {"city": "x"}, "`Order.address`", "street", "missing"),
    ("address", {"street": None}, "`Order.address`", "street", "null"),
    ("address", {"street": 1}, "`Order.address`", "street", "expected a str"),
    ("address", [1], "`Order.address`", "", "an array"),
    ("stops", {"street": "x"}, "`Order.stops`", "", "an object"),
    ("stops", [{"street": "x"}, {"street": "y", "notes": [1]}], "`Order.stops`", '[1]["notes"]', "expected a str"),
    ("lines", [{"id": "x", "name": "a"}], "`Order.lines`", '[0]["id"]', "UUID"),
    ("payment", {"type": "cash"}, "`Order.payment`", "type", "no tag of Card | Transfer"),
    ("payment", {"iban": "x"}, "`Order.payment`", "type", "no tag"),
    ("payment", {"type": {}}, "`Order.payment`", "type", "no tag"),
    ("payment", {"type": "card", "number": 123_456}, "`Order.payment`", "number", "a redacted value"),
]


@pytest.mark.parametrize(("column", "document", "label", "path", "reason"), MISFITS)
async def test_a_document_that_does_not_fit_is_an_error_that_says_where(
    repo: Repo, column: str, document: Any, label: str, path: str, reason: str
) -> None:
    await repo.insert(Order(number="1"))
    await stored(repo, column, document, "orders")
    with pytest.raises(CastError) as caught:
        await repo.all(from_(Order))
    said = str(caught.value)
    assert label in said
    assert path in said
    assert reason in said
    assert "123456" not in said + "".join(caught.value.__notes__)
    assert f"in the column `Order.{column}`" in caught.value.__notes__


BAD: list[tuple[Any, str]] = [
    (Address(**{}), "`Address.street` has no value"),
    (Address(street=None), "`Address.street` is None"),  # type: ignore[arg-type]
    (Address(street=1), "street"),  # type: ignore[arg-type]
    (Inner(name="x"), "Inner"),
    ({"street": "x"}, "expected a struct of Address"),
    ("x", "expected a struct of Address"),
    (Address(street="a\0b"), "street"),
]


@pytest.mark.parametrize(("value", "said"), BAD, ids=lambda value: repr(value)[:30])
async def test_what_cannot_be_stored_is_refused_with_its_place(repo: Repo, value: Any, said: str) -> None:
    with pytest.raises(CastError, match=r"`Order\.address`") as caught:
        await repo.insert(Order(number="1", address=value))
    assert said in str(caught.value)


async def test_a_union_is_told_apart_by_its_tag(repo: Repo) -> None:
    for number, payment in enumerate([Card(number="4"), Transfer(iban="FR"), Transfer(type="sepa", iban="DE"), None]):
        order = await repo.insert(Order(number=str(number), payment=payment))
        assert (await repo.get_or_raise(Order, order.id)).payment == payment


async def test_every_way_in_and_out_stores_the_same(repo: Repo) -> None:
    address = Address(street="Rue", notes=["a"])
    await repo.insert(Order(number="insert", address=address, stops=[address]))
    rows: list[Any] = [{"number": "map", "address": address, "stops": [address]}]
    await repo.insert_all(Order, [*rows, Order(number="struct", address=address, stops=[address])])
    await repo.upsert(
        Order(number="upsert", address=address, stops=[address]),
        on_conflict=replace_all(),
        conflict_target=Order.number,
    )
    await repo.insert(Order(number="all"))
    await repo.update_all(
        from_(Order).where(Order.number == "all"), Order.address.set(address), Order.stops.set([address])
    )
    orders = await repo.all(from_(Order))
    assert {one.number for one in orders} == {"insert", "map", "struct", "upsert", "all"}
    assert all(one.address == address and one.stops == [address] for one in orders)
    assert await repo.all(from_(Order).where(Order.address == address).select(fn.count())) == [5]
    assert await repo.all(from_(Order).select(Order.address).limit(1)) == [address]
    outcome = await repo.upsert(
        Order(number="upsert", address=Address(street="New")), on_conflict=replace_all(), conflict_target=Order.number
    )
    assert outcome.struct is not None
    assert outcome.struct.address == Address(street="New")


async def test_bulk_writes_make_no_keys_and_no_moments_of_embeds(repo: Repo) -> None:
    # As in Ecto, where these are made for changesets only.
    when = datetime(2026, 1, 2, tzinfo=UTC)
    whole = Line(id=KEY, name="x", inserted_at=when, updated_at=when)
    rows: list[Any] = [{"number": "1", "lines": [whole]}]
    await repo.insert_all(Order, rows)
    assert (await repo.one_or_raise(Order)).lines == [whole]
    later = evolve(whole, name="y")
    await repo.update_all(Order, Order.lines.set([later]))
    assert (await repo.one_or_raise(Order)).lines == [later]
    for lacking in (Line(name="x"), Line(id=KEY, name="x")):
        wrong: list[Any] = [{"number": "2", "lines": [lacking]}]
        with pytest.raises(CastError, match=r"`Order\.lines` cannot be stored at `\[0\]"):
            await repo.insert_all(Order, wrong)
        with pytest.raises(CastError, match=r"`Order\.lines` cannot be stored at `\[0\]"):
            await repo.update_all(Order, Order.lines.set([lacking]))
    assert (await repo.one_or_raise(Order)).lines == [later]


async def test_many_rows_at_once_are_loaded_as_few_are(repo: Repo) -> None:
    rows: list[Any] = [
        {"number": str(number), "address": Address(street=str(number)) if number % 2 else None} for number in range(300)
    ]
    await repo.insert_all(Order, rows)
    found = await repo.all(from_(Order).order_by(Order.id))
    assert [one.address for one in found] == [row["address"] for row in rows]
    assert all(one.stops == [] for one in found)
    assert len({id(one.stops) for one in found}) == 300


async def test_a_path_leads_into_the_document(repo: Repo) -> None:
    await repo.insert(
        Order(number="1", address=Address(street="Rue"), stops=[Address(street="a"), Address(street="b")])
    )
    await repo.insert(Order(number="2", address=Address(street="Road", city="London")))
    await repo.insert(Order(number="3"))
    for predicate, numbers in [
        (Order.address["city"] == "London", ["2"]),
        (Order.stops.path(-1, "street") == "b", ["1"]),
        (Order.address["city"].as_text().like("P%"), ["1"]),
        (Order.address.is_null(), ["3"]),
        (Order.address.has_key("street"), ["1", "2"]),
    ]:
        assert await repo.all(from_(Order).where(predicate).order_by(Order.id).select(Order.number)) == numbers


async def test_the_whole_column_is_written_and_only_when_it_changes(repo: Repo, events: list[QueryEvent]) -> None:
    order = await repo.insert(Order(number="1", address=Address(street="a")))
    events.clear()
    changed = await repo.update(change(order).put_embed(Order.address, Address(street="b")))
    assert len(events) == 1
    assert '"address"' in events[0].sql.replace("address =", '"address"')
    assert changed.address == Address(street="b")
    events.clear()
    again = await repo.update(change(changed).put_embed(Order.address, Address(street="b")))
    assert (again, events) == (changed, [])


async def test_an_embedded_schema_is_no_source_and_no_row(repo: Repo) -> None:
    with pytest.raises(QueryError, match="Address has no table") as caught:
        await repo.all(from_(Address))
    assert "from_(Owner).select(Owner.address)" in str(caught.value)
    with pytest.raises(QueryError, match="Address has no table") as caught:
        await repo.insert(Address(street="x"))
    assert "put_embed" in str(caught.value)


def test_a_struct_is_frozen_compared_copied_and_pickled_by_value() -> None:
    address = Address(street="x", notes=["a"])
    assert address == Address(street="x", notes=["a"]) != Address(street="y", notes=["a"])
    assert copy.deepcopy(address) == pickle.loads(pickle.dumps(address)) == copy.copy(address) == address
    assert evolve(address, city="Rome") == Address(street="x", city="Rome", notes=["a"])
    with pytest.raises(FrozenError):
        address.street = "y"  # type: ignore[assignment]
    order = Order(number="1", payment=Card(number="4111"), lines=[Line(name="a")], address=address)
    assert copy.deepcopy(order) == order == pickle.loads(pickle.dumps(order))
    assert "4111" not in repr(order)
    assert hash(Line(id=KEY, name="a")) == hash(Line(id=KEY, name="b"))
    with pytest.raises(SchemaError, match="cannot be hashed"):
        hash(address)

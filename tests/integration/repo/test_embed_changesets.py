"""Embeds in changesets: cast, put, compared with what was stored, written with their owner, on both databases."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from ectype import (
    CastError,
    Changeset,
    ConstraintError,
    InvalidChangesetError,
    NotLoadedError,
    Repo,
    SchemaError,
    change,
    from_,
    meta,
    only,
    replace_all,
    uuid7,
)
from ectype.telemetry import QueryEvent
from tests.integration.repo.wares import Address, Card, Held, Inner, Line, Order, Transfer, tables

ONE, TWO, THREE = (UUID(int=number) for number in (1, 2, 3))


@pytest.fixture(autouse=True)
async def _wares(repo: Repo) -> AsyncIterator[None]:
    async with tables(repo):
        yield


def lined(*lines: tuple[UUID, str]) -> list[Line]:
    return [Line(id=key, name=name) for key, name in lines]


async def ordered(repo: Repo, **members: Any) -> Order:
    order = await repo.insert(Order(**{"number": "1", **members}))
    return await repo.get_or_raise(Order, order.id)


def cast(order: Any, params: Any) -> Changeset[Order]:
    return (
        change(order)
        .cast(params, Order.number)
        .cast_embed(Order.address)
        .cast_embed(Order.payment)
        .cast_embed(Order.lines)
        .cast_embed(Order.stops)
    )


# --- casting ----------------------------------------------------------------------------------------------------------


async def test_params_become_structs_with_keys_and_timestamps(repo: Repo) -> None:
    params = {
        "number": "7",
        "address": {"street": "Rue", "notes": ["not permitted"]},
        "payment": {"type": "sepa", "iban": "FR"},
        "lines": [{"name": "pen", "count": "2", "options": [{"name": "red", "tags": ["no"]}]}],
        "stops": {"1": {"street": "b"}, "0": {"street": "a"}},
    }
    order = await repo.insert(cast(Order, params))
    assert order == await repo.get_or_raise(Order, order.id)
    assert order.address == Address(street="Rue")
    assert order.payment == Transfer(iban="FR")
    assert [one.street for one in order.stops] == ["a", "b"]
    (line,) = order.lines
    assert (line.name, line.count, line.options) == ("pen", 2, [Inner(name="red")])
    assert isinstance(line.id, UUID)
    assert line.inserted_at == line.updated_at
    assert meta(line).state == "loaded"


async def test_a_known_key_is_updated_an_unknown_one_inserted_and_a_missing_one_goes(repo: Repo) -> None:
    order = await ordered(repo, lines=lined((ONE, "a"), (TWO, "b")))
    changeset = cast(order, {"lines": [{"id": str(TWO), "name": "c"}, {"id": str(THREE), "name": "d"}, {"name": "e"}]})
    entries: Any = changeset.changes["lines"]
    assert [(one.action, dict(one.changes)) for one in entries] == [
        ("replace", {}),
        ("update", {"name": "c"}),
        ("insert", {"name": "d"}),
        ("insert", {"name": "e"}),
    ]
    after = await repo.update(changeset)
    assert after == await repo.get_or_raise(Order, order.id)
    assert [one.name for one in after.lines] == ["c", "d", "e"]
    kept, new, _ = after.lines
    assert kept.id == TWO
    assert new.id not in (ONE, TWO, THREE)  # params name entries, and never give keys
    assert kept.inserted_at == order.lines[1].inserted_at
    assert kept.updated_at >= order.lines[1].updated_at


async def test_check_30_another_order_is_a_change_and_the_same_is_none(repo: Repo, events: list[QueryEvent]) -> None:
    order = await ordered(repo, lines=lined((ONE, "a"), (TWO, "b")))
    same = cast(order, {"lines": [{"id": str(ONE)}, {"id": str(TWO), "name": "b"}]})
    assert same.changes == {}
    events.clear()
    assert await repo.update(same) is order
    assert events == []
    turned = cast(order, {"lines": [{"id": str(TWO)}, {"id": str(ONE)}]})
    assert [one.data.id for one in turned.get_embed(Order.lines)] == [TWO, ONE]
    after = await repo.update(turned)
    assert [one.id for one in after.lines] == [TWO, ONE]
    assert len(events) == 1
    assert after == await repo.get_or_raise(Order, order.id)
    assert after.updated_at > order.updated_at
    assert [one.updated_at for one in after.lines] == [one.updated_at for one in reversed(order.lines)]


async def test_sort_and_drop_arrange_the_entries(repo: Repo) -> None:
    params = {
        "lines": {"0": {"name": "a"}, "1": {"name": "b"}, "2": {"name": "c"}},
        "sort": ["2", "0"],
        "drop": ["1"],
    }
    changeset = change(Order(number="1")).cast(params).cast_embed(Order.lines, sort_param="sort", drop_param="drop")
    order = await repo.insert(changeset)
    assert [one.name for one in order.lines] == ["c", "a"]


async def test_a_value_takes_new_params_and_a_list_of_values_is_replaced(repo: Repo) -> None:
    order = await ordered(
        repo, address=Address(street="a", city="Rome", notes=["n"]), stops=[Address(street="x"), Address(street="y")]
    )
    assert cast(order, {"address": {"street": "a"}, "stops": [{"street": "x"}, {"street": "y"}]}).changes == {}
    after = await repo.update(cast(order, {"address": {"street": "b"}, "stops": [{"street": "y"}]}))
    assert after.address == Address(street="b", city="Rome", notes=["n"])
    assert after.stops == [Address(street="y")]
    gone = await repo.update(cast(after, {"address": None, "stops": []}))
    assert (gone.address, gone.stops) == (None, [])
    assert await repo.get_or_raise(Order, order.id) == gone


ERRORS: list[tuple[Any, dict[str, Any]]] = [
    ({"address": {}}, {"address": {"street": ["can't be blank"]}}),
    ({"address": "x"}, {"address": ["is invalid"]}),
    ({"stops": {"0": {}, "1": {"street": "x"}}}, {"stops": [{"street": ["can't be blank"]}, {}]}),
    ({"stops": "x"}, {"stops": ["is invalid"]}),
    ({"stops": [1]}, {"stops": ["is invalid"]}),
    ({"payment": {"type": "cash"}}, {"payment": ["is invalid"]}),
    ({"payment": {"iban": "x"}}, {"payment": ["is invalid"]}),
    ({"payment": {"type": ["card"]}}, {"payment": ["is invalid"]}),
    ({"payment": {"type": "card", "iban": "x"}}, {"payment": {"number": ["can't be blank"]}}),
    (
        {"lines": [{"name": "a", "count": 0, "options": [{"name": ""}]}]},
        {"lines": [{"count": ["must be greater than 0"], "options": [{"name": ["can't be blank"]}]}]},
    ),
]


@pytest.mark.parametrize(("params", "errors"), ERRORS, ids=repr)
async def test_errors_stand_where_they_belong(repo: Repo, params: Any, errors: dict[str, Any]) -> None:
    changeset = cast(Order, {"number": "1", **params})
    assert not changeset.valid
    assert changeset.traverse_errors() == errors
    with pytest.raises(InvalidChangesetError):
        await repo.insert(changeset)
    assert await repo.all(from_(Order)) == []


def test_an_error_of_the_embed_says_that_it_is_one() -> None:
    (name, error), *_ = cast(Order, {"number": "1", "stops": 1}).errors
    assert (name, dict(error.meta)) == ("stops", {"validation": "embed", "type": "array of map"})
    made = change(Order(number="1")).cast({"address": 1}).cast_embed(Order.address, invalid_message="no address")
    assert made.traverse_errors() == {"address": ["no address"]}


def test_what_is_required_must_be_there() -> None:
    for made in (
        change(Order(number="1")).cast({}).cast_embed(Order.address, required=True),
        change(Order(number="1")).cast({}).validate_required(Order.address),
    ):
        assert made.traverse_errors() == {"address": ["can't be blank"]}
        assert made.required == ("address",)
    counted = change(Order(number="1")).cast({"stops": [{"street": "x"}]}).cast_embed(Order.stops)
    assert counted.validate_length(Order.stops, min=2).traverse_errors() == {
        "stops": ["should have at least 2 item(s)"]
    }


def test_only_what_the_function_permits_changes() -> None:
    params = {
        "lines": [{"id": str(ONE), "name": "a", "inserted_at": "2000-01-01T00:00:00Z", "_meta": 1, "__class__": 1}]
    }
    (line,) = cast(Order, params).get_embed(Order.lines, as_="struct")
    assert line == Line(name="a")


async def test_a_union_keeps_a_struct_of_the_same_schema_only_by_its_own_rules(repo: Repo) -> None:
    order = await ordered(repo, payment=Card(number="4"))
    after = await repo.update(cast(order, {"payment": {"type": "transfer", "iban": "FR"}}))
    assert after.payment == Transfer(iban="FR")
    assert (await repo.get_or_raise(Order, order.id)).payment == Transfer(iban="FR")
    mine = change(Order(number="1")).cast({"payment": {"type": "card", "number": "5", "iban": "x"}})
    made = mine.cast_embed(Order.payment, with_={Card: Card.changeset, Transfer: Transfer.changeset})
    assert made.get_embed(Order.payment, as_="struct") == Card(number="5")
    with pytest.raises(SchemaError, match=r"names .*Line"):
        mine.cast_embed(Order.payment, with_={Line: Line.changeset})


def test_a_redacted_member_of_an_embed_is_never_shown() -> None:
    changeset = cast(Order, {"number": "1", "payment": {"type": "card", "number": "4111"}})
    assert "4111" not in repr(changeset)


# --- on_replace -------------------------------------------------------------------------------------------------------


async def held(repo: Repo, name: str, value: Any) -> Any:
    made: Any = await repo.insert(Held(**{"number": "1", name: value}))
    return await repo.get_or_raise(Held, made.id)


@pytest.mark.parametrize("value", [None, {"name": "b"}, {"id": str(TWO), "name": "b"}], ids=repr)
async def test_on_replace_of_one_decides(repo: Repo, value: Any) -> None:
    line = Line(id=ONE, name="a")
    raising = await held(repo, "raising", line)
    with pytest.raises(CastError, match=r"Held\.raising"):
        change(raising).cast({"raising": value}).cast_embed(Held.raising)
    marking = await held(repo, "marking", line)
    made = change(marking).cast({"marking": value}).cast_embed(Held.marking)
    assert made.traverse_errors() == {"marking": ["is invalid"]}
    deleting = await held(repo, "deleting", line)
    after = await repo.update(change(deleting).cast({"deleting": value}).cast_embed(Held.deleting))
    assert (after.deleting is None) is (value is None)
    assert after.deleting is None or (after.deleting.name == "b" and after.deleting.id not in (ONE, TWO))
    updating = await held(repo, "updating", line)
    after = await repo.update(change(updating).cast({"updating": value}).cast_embed(Held.updating))
    assert after == await repo.get_or_raise(Held, after.id)
    assert after.updating is None or (after.updating.name, after.updating.id) == ("b", ONE)


async def test_on_replace_of_many_decides(repo: Repo) -> None:
    raised = await held(repo, "raised", lined((ONE, "a"), (TWO, "b")))
    with pytest.raises(CastError, match="leave out an entry"):
        change(raised).cast({"raised": [{"id": str(ONE)}]}).cast_embed(Held.raised)
    marked = await held(repo, "marked", lined((ONE, "a"), (TWO, "b")))
    made = change(marked).cast({"marked": [{"id": str(ONE)}]}).cast_embed(Held.marked)
    assert made.traverse_errors() == {"marked": ["is invalid"]}


# --- putting ----------------------------------------------------------------------------------------------------------


async def test_structs_values_and_changesets_are_put(repo: Repo) -> None:
    order = await ordered(repo, lines=lined((ONE, "a"), (TWO, "b")))
    changeset = change(order).put_embed(
        Order.lines,
        [
            Line(id=ONE, name="A", options=[Inner(name="o")]),
            {"id": TWO, "name": "B", "options": [{"name": "p"}]},
            change(Line(name="c"), Line.count.set(3)),
            Line(name="d"),
        ],
    )
    after = await repo.update(changeset)
    assert after == await repo.get_or_raise(Order, order.id)
    assert [(one.name, one.count) for one in after.lines] == [("A", 1), ("B", 1), ("c", 3), ("d", 1)]
    assert [one.id for one in after.lines[:2]] == [ONE, TWO]
    assert [[inner.name for inner in one.options] for one in after.lines] == [["o"], ["p"], [], []]
    assert len({one.id for one in after.lines}) == 4
    again = change(after).put_embed(Order.lines, after.lines)
    assert again.changes == {}
    fewer = await repo.update(change(after).put_embed(Order.lines, after.lines[1:]))
    assert [one.name for one in fewer.lines] == ["B", "c", "d"]


async def test_more_entries_are_added_to_those_that_are_there(repo: Repo) -> None:
    order = await ordered(repo, lines=lined((ONE, "a")))
    changeset = change(order)
    entries = changeset.get_embed(Order.lines)
    after = await repo.update(changeset.put_embed(Order.lines, [*entries, Line(id=TWO, name="b")]))
    assert [(one.id, one.name) for one in after.lines] == [(ONE, "a"), (TWO, "b")]


async def test_a_change_is_what_differs_from_the_value_at_load(repo: Repo) -> None:
    order = await ordered(repo, lines=lined((ONE, "a")), address=Address(street="x", notes=["n"]))
    assert order.address is not None
    order.lines.append(Line(id=TWO, name="b"))
    order.address.notes.append("m")
    changeset = change(order).put_embed(Order.lines, order.lines).put_embed(Order.address, order.address)
    after = await repo.update(changeset)
    assert after == await repo.get_or_raise(Order, order.id)
    assert [one.name for one in after.lines] == ["a", "b"]
    assert after.address == Address(street="x", notes=["n", "m"])


async def test_the_whole_struct_takes_the_place_of_a_value(repo: Repo) -> None:
    order = await ordered(repo, address=Address(street="x", city="Rome", notes=["n"]))
    after = await repo.update(change(order).put_embed(Order.address, Address(street="y")))
    assert after.address == Address(street="y", city="Paris", notes=[])
    assert await repo.get_or_raise(Order, order.id) == after


def test_what_no_entry_can_be_is_refused_with_the_fix() -> None:
    changeset = change(Order(number="1"))
    tries: list[tuple[Any, str]] = [
        (lambda: changeset.put_embed(Order.address, Inner(name="x")), "is a Address"),  # type: ignore[arg-type]
        (lambda: changeset.put_embed(Order.lines, Line(name="x")), "is a list"),  # type: ignore[arg-type]
        (lambda: changeset.put_embed(Held.raising, None), "takes an embed of Order"),  # type: ignore[misc]
        (lambda: changeset.put_embed(Order.lines, [{"nam": "x"}]), "no member 'nam'"),
        (lambda: changeset.put_change(Order.address, None), "cast_embed"),
        (lambda: changeset.cast({}, Order.address), "cast_embed"),
        (lambda: changeset.get_field(Order.address), "get_embed"),
        (lambda: change(Order(number="1"), Order.address.set(None)), "put_embed"),
        (lambda: changeset.cast_embed(Order.address), r"was not called before"),
        (lambda: changeset.cast({}).cast_embed(Order.address, sort_param="x"), "holds one"),  # type: ignore[call-overload]
        (lambda: changeset.put_embed(Order.payment, {"iban": "x"}), "of which schema"),
    ]
    for attempt, said in tries:
        with pytest.raises(SchemaError, match=said):
            attempt()


async def test_a_struct_that_was_loaded_without_the_embed_does_not_know_it(repo: Repo) -> None:
    await ordered(repo)
    (part,) = await repo.all(from_(Order).select(only(Order.id, Order.number)))
    with pytest.raises(NotLoadedError, match=r"Order\.lines"):
        change(part).put_embed(Order.lines, [])


async def test_the_changes_of_an_embed_are_read_and_taken_back() -> None:
    changeset = change(Order(number="1")).put_embed(Order.address, Address(street="x"))
    assert changeset.changed(Order.address)
    assert changeset.get_embed(Order.address, as_="struct") == Address(street="x")
    assert changeset.apply_changes().address == Address(street="x")
    back = changeset.delete_change(Order.address)
    assert (dict(back.changes), back.changed(Order.address)) == ({}, False)
    assert back.get_embed(Order.address) is None


# --- writing ----------------------------------------------------------------------------------------------------------


async def test_structs_of_the_constructor_get_keys_and_timestamps_too(repo: Repo) -> None:
    order = await repo.insert(Order(number="1", lines=[Line(name="a"), Line(id=ONE, name="b")]))
    assert order == await repo.get_or_raise(Order, order.id)
    assert isinstance(order.lines[0].id, UUID)
    assert order.lines[1].id == ONE
    assert all(one.inserted_at is not None for one in order.lines)


async def test_an_upsert_writes_embeds_as_an_insert_does(repo: Repo) -> None:
    changeset = cast(Order, {"number": "1", "lines": [{"name": "a"}]})
    for _ in range(2):
        outcome = await repo.upsert(
            changeset.unique_constraint(Order.number), on_conflict=replace_all(), conflict_target=Order.number
        )
        assert outcome.struct is not None
        assert [one.name for one in outcome.struct.lines] == ["a"]


async def test_functions_of_embeds_run_in_the_transaction_of_the_owner(repo: Repo) -> None:
    async def numbered(changeset: Changeset[Line], repo: Repo) -> Changeset[Line]:
        count = len(await repo.all(from_(Order)))
        await repo.insert(Order(number=f"{count} were there"))
        return changeset.put_change(Line.count, count + 1)

    def line(entry: Line, params: Any) -> Changeset[Line]:
        return Line.changeset(entry, params).prepare_changes(numbered)

    params = {"lines": [{"name": "a"}, {"name": "b"}]}
    changeset = change(Order(number="1")).cast(params).cast_embed(Order.lines, with_=line)
    order = await repo.insert(changeset)
    assert [(one.name, one.count) for one in order.lines] == [("a", 1), ("b", 2)]
    assert await repo.get_or_raise(Order, order.id) == order

    def refusing(changeset: Changeset[Line], _repo: Repo) -> Changeset[Line]:
        return changeset.add_error(Line.name, "too late")

    def late(entry: Line, params: Any) -> Changeset[Line]:
        return line(entry, params).prepare_changes(refusing)

    before = await repo.all(from_(Order))
    with pytest.raises(InvalidChangesetError) as caught:
        await repo.insert(change(Order(number="2")).cast(params).cast_embed(Order.lines, with_=late))
    assert caught.value.changeset.traverse_errors() == {"lines": [{"name": ["too late"]}, {}]}
    assert await repo.all(from_(Order)) == before


async def test_a_refusal_of_the_row_comes_back_with_the_changesets_that_were_given(repo: Repo) -> None:
    await ordered(repo)
    changeset = cast(Order, {"number": "1", "lines": [{"name": "a"}]})
    with pytest.raises(ConstraintError):
        await repo.insert(changeset)
    with pytest.raises(InvalidChangesetError) as caught:
        await repo.insert(changeset.unique_constraint(Order.number, name="orders_number_key"))
    refused: Any = caught.value.changeset
    assert refused.changes["lines"] == changeset.changes["lines"]
    assert refused.traverse_errors() == {"number": ["has already been taken"]}


# --- forms ------------------------------------------------------------------------------------------------------------


def test_an_embedded_schema_is_a_form_of_its_own() -> None:
    changeset = Line.changeset(Line(name=""), {"name": "pen", "count": "2", "options": [{"name": "red"}]})
    line = changeset.apply_action("validate")
    assert (line.name, line.count, line.options) == ("pen", 2, [Inner(name="red")])
    with pytest.raises(InvalidChangesetError) as caught:
        change(Line).cast({"count": "x"}, Line.name, Line.count).validate_required(Line.name).apply_action("insert")
    assert caught.value.changeset.traverse_errors() == {"count": ["is invalid"], "name": ["can't be blank"]}
    assert uuid7() is not None

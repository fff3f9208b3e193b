"""Fields that not every write may set: `field(writable=…)`, and what is done about a change that is left out."""

import warnings
from collections.abc import AsyncIterator
from typing import Any

import pytest

from ectype import (
    Changeset,
    Inserted,
    QueryError,
    Repo,
    SchemaError,
    Updated,
    change,
    cte,
    do_nothing,
    do_update,
    from_,
    meta,
    replace,
    replace_all,
    replace_all_except,
)
from tests.integration.repo.vault import Safe, opened


@pytest.fixture
async def vault(database_url: str) -> AsyncIterator[Repo]:
    async with opened(database_url) as repo:
        yield repo


async def stored(repo: Repo, safe: Any) -> Any:
    return await repo.get_or_raise(Safe, safe.id)


async def test_a_field_of_the_insert_is_written_once_and_never_again(vault: Repo):
    safe = await vault.insert(change(Safe(label="a", serial="s"), Safe.maker.set("m"), Safe.owner.set("o")))
    assert (safe.serial, safe.maker, safe.owner) == ("s", "m", "o")
    changed = await vault.update(change(safe, Safe.serial.set("other"), Safe.label.set("b")))
    assert (changed.serial, changed.label) == ("s", "b")
    assert await stored(vault, safe) == changed.__class__(
        id=safe.id, label="b", serial="s", maker="m", owner="o", checked="by the database",
        sealed="by the database", revision=1,
    )  # fmt: skip


async def test_an_update_of_nothing_else_sends_nothing(vault: Repo, events: list[Any]):
    safe = await vault.insert(Safe(label="a", serial="s"))
    events.clear()
    assert await vault.update(change(safe, Safe.serial.set("other"))) == safe
    assert events == []


async def test_a_field_that_is_never_written_takes_what_the_database_says(vault: Repo, events: list[Any]):
    safe = await vault.insert(change(Safe(label="a", checked="x", revision=9), Safe.checked.set("y")))
    assert '"checked"' not in events[0].sql
    # What the struct had was not stored: it is what came back, or nothing.
    assert safe.revision == 1
    with pytest.raises(AttributeError):
        _ = safe.checked
    assert (await stored(vault, safe)).checked == "by the database"
    await vault.update(change(safe, Safe.checked.set("z"), Safe.label.set("b")))
    assert (await stored(vault, safe)).checked == "by the database"


async def test_a_change_that_is_left_out_is_told_of_where_the_field_asks_for_it(vault: Repo):
    safe = await vault.insert(Safe(label="a", maker="m"))
    with pytest.warns(RuntimeWarning, match=r"`Safe.maker` is written by an insert only, and a changeset for `update`"):
        await vault.update(change(safe, Safe.maker.set("x"), Safe.label.set("b")))
    read = await stored(vault, safe)
    assert (read.label, read.maker) == ("b", "m")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        await vault.insert(Safe(label="c", maker="m"))


async def test_a_change_that_is_refused_stores_nothing(vault: Repo):
    safe = await vault.insert(Safe(label="a", owner="o"))
    with pytest.raises(SchemaError, match=r"`Safe.owner` is written by an insert only, and a changeset for `update`"):
        await vault.update(change(safe, Safe.owner.set("x"), Safe.label.set("b")))
    with pytest.raises(SchemaError, match=r"`Safe.sealed` is never written, and a changeset for `insert` changes it"):
        await vault.insert(change(Safe(label="b"), Safe.sealed.set("x")))
    assert await vault.all(from_(Safe).select(Safe.label)) == ["a"]


async def test_a_change_that_prepare_changes_makes_is_left_out_or_refused_too(vault: Repo):
    safe = await vault.insert(Safe(label="a", serial="s", owner="o"))

    def meddle(changeset: Changeset[Safe], _repo: object) -> Changeset[Safe]:
        assert "serial" not in changeset.changes
        return changeset.put_change(Safe.serial, "x")

    changeset = change(safe, Safe.label.set("b"), Safe.serial.set("y")).prepare_changes(meddle)
    assert (await vault.update(changeset)).serial == "s"
    assert (await stored(vault, safe)).serial == "s"

    with pytest.raises(SchemaError, match=r"`Safe.owner` is written by an insert only"):
        await vault.update(
            change(safe, Safe.label.set("c")).prepare_changes(lambda one, _: one.put_change(Safe.owner, "x"))
        )
    assert (await stored(vault, safe)).label == "b"


async def test_update_all_and_insert_all_refuse_what_they_may_not_write(vault: Repo):
    await vault.insert(Safe(label="a", serial="s"))
    with pytest.raises(QueryError, match=r"`Safe.serial` is written by an insert only, and `update_all` would change"):
        await vault.update_all(Safe, Safe.serial.set("x"))
    changed = cte(Safe, "changed")
    with pytest.raises(QueryError, match=r"`Safe.checked` is never written"):
        from_(Safe).with_cte(changed, from_(Safe), update=[Safe.checked.set("x")])
    with pytest.raises(QueryError, match=r"`Safe.checked` is never written .* so a row of `insert_all` has none"):
        await vault.insert_all(Safe, [{"label": "b", "checked": "x"}])
    assert await vault.insert_all(Safe, [{"label": "b", "serial": "t"}]) == 1
    # A struct's value is left out, as of an insert.
    assert await vault.insert_all(Safe, [Safe(label="c", checked="x")]) == 1
    found = await vault.all(from_(Safe).order_by(Safe.label).select(Safe.serial, Safe.checked))
    assert found == [("s", "by the database"), ("t", "by the database"), (None, "by the database")]


async def test_an_upsert_replaces_only_what_an_update_may_write(vault: Repo):
    await vault.insert(Safe(label="a", serial="s", owner="o"))
    again = change(Safe(label="a", serial="t", owner="p"), Safe.checked.set("x"))
    with pytest.raises(QueryError, match="leaves no column of Safe to write"):
        await vault.upsert(again, on_conflict=replace_all(), conflict_target=Safe.label)
    with pytest.raises(QueryError, match="leaves no column of Safe to write"):
        await vault.upsert(again, on_conflict=replace_all_except(Safe.id), conflict_target=Safe.label)
    for action in (replace(Safe.serial), do_update(Safe.serial.set("x"))):
        with pytest.raises(QueryError, match=r"`Safe.serial` is written by an insert only"):
            await vault.upsert(again, on_conflict=action, conflict_target=Safe.label)
    outcome = await vault.upsert(again, on_conflict=replace(Safe.label), conflict_target=Safe.label)
    assert isinstance(outcome, Updated)
    assert (outcome.struct.serial, outcome.struct.owner, outcome.struct.checked) == ("s", "o", "by the database")
    outcome = await vault.upsert(Safe(label="b", serial="t"), on_conflict=do_nothing(), conflict_target=Safe.label)
    assert isinstance(outcome, Inserted)
    assert outcome.struct.serial == "t"


async def test_what_the_database_changes_is_read_back_after_each_write(vault: Repo):
    safe = await vault.insert(Safe(label="a"))
    await vault.query("UPDATE safes SET revision = 5")
    safe = await vault.update(change(safe, Safe.label.set("b")))
    assert safe.revision == 5
    await vault.query("UPDATE safes SET revision = 6")
    gone = await vault.delete(safe)
    assert (gone.revision, gone.label, meta(gone).state) == (6, "b", "deleted")

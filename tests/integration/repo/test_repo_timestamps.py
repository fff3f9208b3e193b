"""Moments that the clock fills: under any name, with any clock, and when an update touches them."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from ectype import Repo, change, do_update, from_, replace
from tests.integration.repo.vault import START, Entry, Visit, opened

GIVEN = datetime(2001, 2, 3, tzinfo=UTC)


@pytest.fixture
async def vault(database_url: str) -> AsyncIterator[Repo]:
    async with opened(database_url) as repo:
        yield repo


async def test_both_moments_of_an_insert_are_one_reading_of_the_clock_of_the_base(vault: Repo):
    visit, entry = await vault.insert(Visit(name="a")), await vault.insert(Entry(name="a"))
    assert START < visit.inserted_at == visit.updated_at < entry.created_at == entry.changed_at
    assert entry.on_day == date(2026, 2, 3)
    assert await vault.all(Entry) == [entry]


async def test_the_columns_are_those_of_the_mixin(vault: Repo, events: list[Any]):
    entry = await vault.insert(Entry(name="a"))
    assert '"created", "changed"' in events[-1].sql
    changed = await vault.update(change(entry, Entry.name.set("b")))
    assert entry.changed_at < changed.changed_at == changed.checked_at
    assert '"changed" = ' in events[-1].sql
    assert '"created"' not in events[-1].sql


async def test_an_update_moves_the_second_one_where_there_are_changes_or_force(vault: Repo, events: list[Any]):
    visit = await vault.insert(Visit(name="a"))
    assert (await vault.update(change(visit, Visit.name.set("a")))).updated_at == visit.updated_at
    changed = await vault.update(change(visit, Visit.name.set("b")))
    assert changed.updated_at > visit.updated_at
    assert changed.inserted_at == visit.inserted_at
    forced = await vault.update(change(changed), force=True)
    assert forced.updated_at > changed.updated_at
    assert await vault.all(Visit) == [forced]


async def test_a_value_that_was_given_wins_over_the_clock(vault: Repo):
    visit = await vault.insert(Visit(name="a", inserted_at=GIVEN))
    assert visit.inserted_at == GIVEN < visit.updated_at
    visit = await vault.insert(change(Visit(name="b"), Visit.updated_at.set(GIVEN)))
    assert visit.updated_at == GIVEN < visit.inserted_at
    visit = await vault.update(change(visit, Visit.seen.set(1), Visit.updated_at.set(START)))
    assert visit.updated_at == START


async def test_the_moment_of_the_insert_is_not_changed_where_the_base_says_so(vault: Repo):
    visit = await vault.insert(Visit(name="a"))
    changed = await vault.update(change(visit, Visit.inserted_at.set(GIVEN), Visit.seen.set(1)))
    assert changed.inserted_at == visit.inserted_at
    assert (await vault.get_or_raise(Visit, visit.id)).inserted_at == visit.inserted_at


async def test_bulk_writes_and_conflicts_touch_no_moment(vault: Repo):
    visit = await vault.insert(Visit(name="a"))
    await vault.update_all(Visit, Visit.seen.inc(1))
    for action in (replace(Visit.seen), do_update(Visit.seen.inc(1))):
        await vault.upsert(Visit(name="a", seen=5), on_conflict=action, conflict_target=Visit.name)
    found = await vault.one_or_raise(from_(Visit))
    assert (found.seen, found.inserted_at, found.updated_at) == (6, visit.inserted_at, visit.updated_at)

"""Whatever is sent is refused by the cast, in the changeset, or stored and given back as an equal value.

Each type on each database, over inputs made to hurt: numbers beyond 64 bits and beyond floats, texts that no database
holds, days before the first and after the last. No other exception comes out of it.
"""

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ectype import CastError, Repo, change, from_
from tests.integration.repo.every_table import opened, stored_names
from tests.integration.repo.every_type import EDGES, EXTENSIONS, NAMES, SENT, Everything, Holder, Inside

FIELDS = Everything.__schema__.fields
COLUMNS: dict[str, Any] = Everything.__schema__.source.columns


@pytest.fixture(params=[pytest.param("postgres", marks=pytest.mark.postgres), "sqlite"])
async def repo(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Repo]:
    """A database with the table of every type."""
    server: str | None = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    async with opened(server, tmp_path) as one:
        yield one


ENDS = (date.min, date.max)


def beyond(repo: Repo, name: str, value: Any) -> bool:
    """Whether this database holds less than the type: all but the first and last day, or 64 bits of an INTEGER."""
    if repo.adapter.dialect.target == "sqlite":
        if isinstance(value, timedelta):
            return not -(2**63) <= value // timedelta(microseconds=1) < 2**63
        return name == "scaled" and not -(2**63) <= value * 100 < 2**63
    if isinstance(value, list):
        return any(beyond(repo, name, one) for one in value)
    if isinstance(value, datetime):
        return value.replace(tzinfo=None) in (datetime.min, datetime.max)
    return isinstance(value, date) and value in ENDS


async def check(repo: Repo, params: dict[str, Any]) -> None:
    """Cast each param by itself, store together what was taken, and compare what comes back."""
    taken: dict[str, Any] = {}
    for name, value in params.items():
        changeset = change(Everything).cast({name: value}, COLUMNS[name])
        assert [key for key, _ in changeset.errors] in ([], [name])
        taken.update(changeset.changes)
    kept = {name: value for name, value in taken.items() if not beyond(repo, name, value)}
    for name in taken.keys() - kept.keys():
        with pytest.raises(CastError):
            await repo.insert(change(Everything, COLUMNS[name].set(taken[name])))
    row = change(Everything)
    for name, value in kept.items():
        row = row.put_change(COLUMNS[name], value)
    inserted = await repo.insert(row)
    wanted = [COLUMNS[name] for name in kept]
    query = from_(Everything).where(Everything.id == inserted.id)
    for name, column in zip(kept, wanted, strict=True):
        (found,) = await repo.all(query.select(column))
        assert FIELDS[name].type.equal(found, kept[name]), (name, params[name], kept[name], found)
        assert isinstance(found, kept[name].__class__), (name, params[name], found)
        # And what was stored is no change when it is sent again.
        again = change(Everything(**{name: found})).cast({name: kept[name]}, column)
        assert (again.valid, dict(again.changes)) == (True, {}), (name, kept[name])


@pytest.mark.parametrize("place", range(0, len(EDGES), 20))
async def test_every_edge_is_refused_or_comes_back_in_every_field(repo: Repo, place: int) -> None:
    names = await stored_names(repo)
    for value in EDGES[place : place + 20]:
        await check(repo, dict.fromkeys(names, value))


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
async def test_whatever_is_sent_is_refused_or_comes_back(repo: Repo, data: st.DataObject) -> None:
    names = await stored_names(repo)
    chosen = data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=12, unique=True))
    await check(repo, {name: data.draw(SENT, label=name) for name in chosen})


# --- inside a document ------------------------------------------------------------------------------------------------

INSIDE = Inside.__schema__.fields
MEMBERS: dict[str, Any] = Inside.__schema__.source.columns


async def check_inside(repo: Repo, params: dict[str, Any]) -> None:
    """Cast each param for an embedded struct, store what was taken together, and compare what comes back."""
    taken: dict[str, Any] = {}
    for name, value in params.items():

        def member(one: Any, given: Any, name: str = name) -> Any:
            return change(one).cast(given, MEMBERS[name])

        changeset = change(Holder).cast({"held": {name: value}}).cast_embed(Holder.held, with_=member)
        assert [path for path, _ in changeset.located_errors()] in ([], [("held", name)])
        if changeset.valid:
            child = changeset.get_embed(Holder.held)
            taken.update({} if child is None else child.changes)
    for name in [name for name in taken if not INSIDE[name].type.equal(taken[name], taken[name])]:
        taken.pop(name)  # a NaN equals nothing
    refused: list[str] = []
    for name in taken:
        try:
            await repo.insert(Holder(held=Inside(**{name: taken[name]})))
        except CastError:
            refused.append(name)
    # A document holds less than the type of durations only: 64 bits of microseconds, as SQLite does.
    assert set(refused) <= {"duration", "durations"}
    kept = {name: value for name, value in taken.items() if name not in refused}
    struct = Inside(**kept)
    stored = await repo.insert(Holder(held=struct, many=[struct, struct]))
    found = await repo.get_or_raise(Holder, stored.id)
    assert found.held is not None
    for one in (found.held, *found.many):
        for name, value in kept.items():
            back = getattr(one, name)
            assert INSIDE[name].type.equal(back, value), (name, params[name], value, back)
            assert isinstance(back, value.__class__), (name, params[name], back)
    # What is stored is no change when it is put again.
    assert change(found).put_embed(Holder.held, struct).put_embed(Holder.many, [struct, struct]).changes == {}


@pytest.mark.parametrize("place", range(0, len(EDGES), 20))
async def test_every_edge_is_refused_or_comes_back_in_every_member_of_an_embed(repo: Repo, place: int) -> None:
    for value in EDGES[place : place + 20]:
        await check_inside(repo, dict.fromkeys(NAMES, value))


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
async def test_whatever_is_sent_for_an_embed_is_refused_or_comes_back(repo: Repo, data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=12, unique=True))
    await check_inside(repo, {name: data.draw(SENT, label=name) for name in chosen})


async def test_every_column_of_the_table_is_checked(repo: Repo) -> None:
    missing = set(NAMES) - set(await stored_names(repo))
    assert missing <= (set(EXTENSIONS) if repo.adapter.dialect.target == "postgres" else set())

"""Every value of every type stands in an Arrow table as `repo.all` gives it, or is refused by name.

What is sent is what `test_cast_round_trips` sends: the edges of all types, and whatever hypothesis makes.
"""

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ectype import CastError, Ok, Repo, change, from_
from ectype.types.beyond import BeyondDate, BeyondDateTime, BeyondTime
from ectype.types.containers import ArrayType
from tests.integration.repo.every_table import opened, stored_names
from tests.integration.repo.every_type import EDGES, SENT, Everything

pytest.importorskip("pyarrow")

FIELDS = Everything.__schema__.fields
COLUMNS: dict[str, Any] = Everything.__schema__.source.columns
DOCUMENTS = ("document", "items", "either", "model", "point", "union", "by_role")
ARROWLESS = (BeyondDate, BeyondDateTime, BeyondTime)
SAME = (bool, int, float, bytes, date, time, datetime, timedelta)


@pytest.fixture(params=[pytest.param("postgres", marks=pytest.mark.postgres), "sqlite"])
async def repo(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Repo]:
    """A database with the table of every type."""
    server: str | None = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    async with opened(server, tmp_path) as one:
        yield one


def says(repo: Repo, name: str, type_: Any, found: Any, value: Any) -> bool:
    """Whether what a table holds is a value that `repo.all` gave."""
    if value is None or found is None:
        return found is value
    if name in DOCUMENTS:
        return bool(type_.equal(type_.codec(repo.adapter.dialect.target).load(found), value))
    if isinstance(type_, ArrayType):
        element = type_.element
        return len(found) == len(value) and all(map(lambda a, b: says(repo, name, element, a, b), found, value))
    if isinstance(value, list):
        return bool(found == value or repr(found) == repr(value))
    if isinstance(value, Enum):
        return bool(found == value.value and found.__class__ is value.value.__class__.__mro__[-2])
    if isinstance(value, UUID):
        return bool(found == str(value))
    if isinstance(value, Decimal) and isinstance(found, Decimal):
        return found == value
    if name in ("slug", "slugs"):
        return bool(found == f"slug:{value}")
    if isinstance(value, str):
        return bool(found == value)
    if isinstance(value, SAME):
        return bool(found == value or (value != value and found != found))
    # What Arrow has no type for is text, which the type's own cast reads.
    return isinstance(found, str) and type_.cast(found) == Ok(value)


def holds(value: Any) -> bool:
    """Whether Arrow has a place for a value of Python."""
    if isinstance(value, list):
        return all(map(holds, value))
    if isinstance(value, timedelta):
        return -(2**63) <= value // timedelta(microseconds=1) < 2**63
    if isinstance(value, Decimal):
        return len(value.as_tuple().digits) <= 30
    return not isinstance(value, ARROWLESS)


async def store(repo: Repo, params: dict[str, Any]) -> int:
    """Store what the casts take of some params, and the database of that; return the key."""
    inserted = await repo.insert(change(Everything))
    for name, value in params.items():
        changeset = change(Everything(id=inserted.id)).cast({name: value}, COLUMNS[name])
        if changeset.valid and changeset.changes:
            # More than this database holds is refused.
            with suppress(CastError):
                await repo.update_all(
                    from_(Everything).where(Everything.id == inserted.id),
                    COLUMNS[name].set(changeset.changes[name]),
                )
    return inserted.id


async def check(repo: Repo, names: list[str], key: int) -> None:
    """Compare a row of a table with what `repo.all` gives, column by column where not all can be held."""
    query = from_(Everything).where(Everything.id == key)
    wanted = query.select({name: COLUMNS[name] for name in names})
    (row,) = await repo.all(wanted)
    try:
        table = (await repo.to_arrow(wanted)).to_pydict()
    except CastError:
        table = {}
        for name in names:
            if holds(row[name]):
                table |= (await repo.to_arrow(query.select(COLUMNS[name]))).to_pydict()
                continue
            with pytest.raises(CastError, match=f"`{name}`"):
                await repo.to_arrow(query.select(COLUMNS[name]))
            row[name], table[name] = None, [None]
    for name in names:
        assert says(repo, name, FIELDS[name].type, table[name][0], row[name]), (name, row[name], table[name][0])


@pytest.mark.parametrize("place", range(0, len(EDGES), 40))
async def test_every_edge_is_in_a_table_what_all_gives(repo: Repo, place: int) -> None:
    names = await stored_names(repo)
    for value in EDGES[place : place + 40]:
        await check(repo, names, await store(repo, dict.fromkeys(names, value)))


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data())
async def test_whatever_is_stored_is_in_a_table_what_all_gives(repo: Repo, data: st.DataObject) -> None:
    names = await stored_names(repo)
    chosen = data.draw(st.lists(st.sampled_from(names), max_size=6, unique=True))
    await check(repo, names, await store(repo, {name: data.draw(SENT) for name in chosen}))

"""`Field[datetime]` over a `timestamp` of PostgreSQL, as other libraries make it: read as UTC, never without a zone."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from ectype import CastError, Field, Repo, Schema, change, fn, from_, primary_key, subquery
from ectype.types.beyond import BeyondDateTime

pytestmark = pytest.mark.postgres
TEN = datetime(2026, 1, 1, 10, tzinfo=UTC)
ELEVEN = datetime(2026, 1, 1, 11, 0, 0, 5, tzinfo=UTC)


class Visit(Schema, table="visits"):
    id: Field[int] = primary_key()
    at: Field[datetime]
    times: Field[list[datetime]]


@pytest.fixture
async def repo(fresh_postgres_url: str) -> AsyncIterator[Repo]:
    async with Repo(fresh_postgres_url, pool_size=2) as repo:
        await repo.query("CREATE TABLE visits (id bigserial PRIMARY KEY, at timestamp, times timestamp[])")
        await repo.query(
            "INSERT INTO visits (at, times) VALUES ('2026-01-01 10:00', '{{2026-01-01 11:00:00.000005,infinity}}')"
        )
        yield repo


VISITS = from_(Visit)
INNER = subquery(VISITS, "visits")
READS: dict[str, Any] = {
    "a struct": VISITS.select(Visit.at),
    "distinct": VISITS.select(Visit.at).distinct(),
    "an aggregate": VISITS.select(fn.max(Visit.at)),
    "truncated": VISITS.select(fn.date_trunc("hour", Visit.at)),
    "a subquery": from_(INNER).select(INNER.at),
    "in a union": VISITS.select(Visit.at).union_all(VISITS.select(Visit.at)),
}


async def test_it_is_read_as_utc_wherever_it_stands(repo: Repo) -> None:
    visit = await repo.get_or_raise(Visit, 1)
    assert visit.at == TEN
    assert visit.at.tzinfo is UTC
    assert visit.times == [ELEVEN, BeyondDateTime.of("infinity")]
    for name, query in READS.items():
        for found in await repo.all(query):
            moment = getattr(found, "at", found)
            assert (moment, moment.tzinfo) == (TEN, UTC), name
    async with repo.stream(Visit) as rows:
        assert [row.at async for row in rows] == [TEN]


async def test_what_a_write_gives_back_is_utc_too(repo: Repo) -> None:
    assert await repo.insert_all(Visit, [{"at": ELEVEN, "times": []}], returning=Visit.at) == [ELEVEN]
    assert await repo.delete_all(VISITS.where(Visit.id == 1).select(Visit.at)) == [TEN]
    assert [visit.at for visit in await repo.all(Visit)] == [ELEVEN]


async def test_a_write_or_a_comparison_is_refused_with_what_to_do(repo: Repo) -> None:
    visit = await repo.get_or_raise(Visit, 1)
    for call in (
        repo.insert(Visit(at=TEN, times=[])),
        repo.update(change(visit).put_change(Visit.at, ELEVEN)),
        repo.all(VISITS.where(Visit.at == TEN)),
    ):
        with pytest.raises(CastError, match="`timestamp`, without a time zone") as caught:
            await call
        assert "TYPE timestamptz USING at AT TIME ZONE 'UTC'" in str(caught.value)

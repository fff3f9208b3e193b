"""What has no result raises one error on both databases, and never becomes NULL or another number without a word."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ectype import CastError, DatabaseError, DivisionByZeroError, OutOfRangeError, Repo, fn, from_, literal
from tests.integration.repo.blog import LogLine

LARGE = 2**62
LATE = datetime(9999, 12, 31, 23, 59, 59, 999_998, tzinfo=UTC)


@pytest.fixture
async def lines(repo: Repo) -> Any:
    """Three lines, of the levels 4, none and 0."""
    await repo.insert_all(LogLine, [{"line": "a", "level": 4}, {"line": "b", "level": None}, {"line": "c", "level": 0}])
    return from_(LogLine).order_by(LogLine.line)


DIVISIONS = (
    lambda by: 12 / by,
    lambda by: 13 % by,
    lambda by: literal(12.0) / by,
    lambda by: (LogLine.level + 12) / (by * 2),
    lambda by: fn.coalesce(LogLine.level, 1) / by,
    lambda by: -(1 / by) + 1,
)


@pytest.mark.parametrize("divided", DIVISIONS)
async def test_a_division_by_zero_raises(repo: Repo, lines: Any, divided: Any):
    for by in (LogLine.level, LogLine.level * 1, fn.coalesce(LogLine.level, 0)):
        with pytest.raises(DivisionByZeroError, match="division by zero") as caught:
            await repo.all(lines.select(divided(by)))
        assert isinstance(caught.value, DatabaseError)
        assert caught.value.hint is not None
        assert "fn.nullif(" in caught.value.hint
        with pytest.raises(DivisionByZeroError):
            await repo.all(lines.where(divided(by) > 0))


async def test_where_nothing_is_divided_by_zero_nothing_raises(repo: Repo, lines: Any):
    for divided, expected in zip(DIVISIONS, (3, 1, 3.0, 2, 1, 1), strict=True):
        assert await repo.all(lines.where(LogLine.level > 0).select(divided(LogLine.level))) == [expected]
        assert await repo.all(lines.where(LogLine.level.is_null()).select(divided(LogLine.level))) == [None]
        assert await repo.all(lines.where(LogLine.level == 0).select(divided(fn.nullif(LogLine.level, 0)))) == [None]
        assert await repo.all(lines.where(LogLine.level < 0).select(divided(LogLine.level))) == []
    # NULL divided by zero is NULL.
    unknown = lines.where(LogLine.level.is_null())
    zero = fn.coalesce(LogLine.level, 0)
    assert await repo.all(
        unknown.select(LogLine.level / zero, (LogLine.level + 3) % zero, -LogLine.level / zero / zero)
    ) == [(None, None, None)]
    assert await repo.all(unknown.select(fn.abs(LogLine.level) / zero)) == [None]
    assert await repo.one(from_(LogLine).select(fn.sum(LogLine.level) / fn.count())) == 1
    with pytest.raises(DivisionByZeroError):
        await repo.one(
            from_(LogLine).where(LogLine.level < 0).select(fn.coalesce(fn.sum(LogLine.level), 1) / fn.count())
        )


@pytest.mark.parametrize("zero", [0, 0.0, -0.0])
async def test_a_bound_zero_is_refused_before_it_is_sent(repo: Repo, lines: Any, zero: Any, events: list[Any]):
    events.clear()
    for divided in (LogLine.level / zero, LogLine.level / literal(zero), 4 / literal(zero)):
        with pytest.raises(DivisionByZeroError, match="division by zero"):
            await repo.all(lines.where(LogLine.level < 0).select(divided))
    if not isinstance(zero, float):
        with pytest.raises(DivisionByZeroError):
            await repo.update_all(from_(LogLine), LogLine.level.set(LogLine.level % zero))
    assert events == []


async def test_an_update_that_divides_by_zero_writes_nothing(repo: Repo, lines: Any):
    with pytest.raises(DivisionByZeroError):
        await repo.update_all(from_(LogLine), LogLine.level.set(100 / LogLine.level))
    assert await repo.all(lines.select(LogLine.level)) == [4, None, 0]
    async with repo.transaction():
        with pytest.raises(DivisionByZeroError):
            async with repo.transaction():
                await repo.all(lines.select(1 / LogLine.level))
        assert await repo.one(from_(LogLine).select(fn.count())) == 3


async def test_a_whole_number_beyond_64_bits_is_out_of_range(repo: Repo, lines: Any):
    for number in (9.3e18, -9.3e18, 1e300, 2.0**63):
        for whole in (fn.floor, fn.ceil):
            with pytest.raises(OutOfRangeError, match=r"(integer|bigint) out of range"):
                await repo.all(lines.select(whole(literal(number))))
    for number in (-(2.0**63), 2.0**62, -0.5, 1.5):
        found = await repo.all(lines.limit(1).select(fn.floor(literal(number)), fn.ceil(literal(number))))
        assert found == [(int(number // 1), -int(-number // 1))]
    exact = 2**53 + 1
    assert await repo.all(lines.limit(1).select(fn.floor(literal(exact)), fn.ceil(literal(exact)))) == [(exact, exact)]


async def test_a_sum_beyond_64_bits_is_out_of_range(repo: Repo, lines: Any):
    await repo.update_all(from_(LogLine), LogLine.level.set(LARGE))
    with pytest.raises(OutOfRangeError, match=r"out of range|integer overflow"):
        await repo.one(from_(LogLine).select(fn.sum(LogLine.level)))


async def test_a_moment_beyond_the_year_9999_is_none_that_sqlite_knows(repo: Repo, lines: Any):
    one = from_(LogLine).where(LogLine.level == 4)
    for count, unit in ((2, "microsecond"), (1, "hour"), (1, "day"), (1, "month"), (9_000, "year")):
        moved = fn.datetime_add(literal(LATE), LogLine.level - 4 + count, unit)
        if repo.adapter.dialect.division_raises:
            # PostgreSQL computes with it, and only Python has no such moment.
            (found,) = await repo.all(one.select(moved))
            assert ("18999-" if unit == "year" else "10000-") in repr(found)
            with pytest.raises(CastError, match="no Python counterpart"):
                await repo.all(one.distinct().select(moved))
            continue
        for query in (one.select(moved), one.where(moved > LATE)):
            with pytest.raises(OutOfRangeError, match="year out of range"):
                await repo.all(query)
    with pytest.raises(OutOfRangeError, match="out of range"):
        await repo.all(one.select(fn.datetime_add(literal(LATE), LogLine.level * 100_000, "year")))

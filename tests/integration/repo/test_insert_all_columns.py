"""`insert_all` sends each column at once, in the form that suits its values: whichever it is, they come back equal."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ectype import CastError, Repo, fn, from_
from ectype.telemetry import QueryEvent
from tests.integration.repo.blog import Sample

ANYTHING = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
AWKWARD = st.lists(st.sampled_from(['"', "\\", ",", "{", "}", "NULL", "null", " ", "", "\n", "a", "é", "🎉"])).map(
    "".join
)
SCALED = st.decimals(-(10**12), 10**12, places=3, allow_nan=False)
COLUMNS: dict[str, st.SearchStrategy[Any]] = {
    "integer": st.integers(-(2**63), 2**63 - 1),
    "text": TEXTS | AWKWARD,
    "flag": st.booleans(),
    "ratio": st.floats(allow_nan=False, allow_infinity=False),
    "exact": st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30, places=9),
    "scaled": SCALED,
    "moment": st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)),
}  # fmt: skip


def lists(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    """Return columns without NULL, with some, and with nothing else."""
    return st.one_of(st.lists(one, min_size=1, max_size=20) for one in (values, values | st.none(), st.none()))


async def stored(repo: Repo, name: str, values: list[Any]) -> list[Any]:
    """Insert rows of one column, and read it in their order."""
    column = Sample.__schema__.source.columns[name]
    ids = await repo.insert_all(Sample, [{name: value} for value in values], returning=Sample.id)
    rows = await repo.all(from_(Sample).where(Sample.id.in_(ids)).order_by(Sample.id).select(column))
    assert ids == sorted(ids)
    return rows


@pytest.mark.parametrize("name", COLUMNS)
@ANYTHING
@given(data=st.data())
async def test_a_column_of_one_kind_comes_back_as_it_went_in(repo: Repo, name: str, data: st.DataObject) -> None:
    values = data.draw(lists(COLUMNS[name]))
    assert await stored(repo, name, values) == values


@pytest.mark.parametrize("name", Sample.__schema__.column_names[1:])
async def test_a_column_without_a_value_is_null_whatever_its_type(repo: Repo, name: str) -> None:
    assert await stored(repo, name, [None, None]) == [None, None]


@ANYTHING
@given(texts=st.lists(AWKWARD | st.none(), min_size=1, max_size=20))
@example(["", "", None, ""])
@example(['"', None, "\\", '\\"', ","])
@example(["NULL", None, "null"])
@example(["None", None])
async def test_texts_that_look_like_an_array_stay_what_they_are(repo: Repo, texts: list[str | None]) -> None:
    assert await stored(repo, "text", texts) == texts


@pytest.mark.parametrize(
    "values",
    [["short", "x" * 10_000], ["x" * 10_000], ["short"], ["x" * 40] * 30, ["x" * 39 + "é"] * 30],
    ids=["mixed", "long", "short", "edge", "accents"],
)
async def test_texts_of_any_length_come_back(repo: Repo, values: list[str]) -> None:
    assert await stored(repo, "text", values) == values


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("integer", [1, 2**63]),
        ("integer", [1, True]),
        ("text", ["a", "b\0"]),
        ("text", ["a", "\ud800"]),
        ("text", ["a", 1]),
        ("flag", [True, 1]),
        ("scaled", [Decimal("1.5"), Decimal("1.2345")]),
        ("exact", [Decimal("1.5"), Decimal("Infinity")]),
        ("moment", [NOON, NOON.replace(tzinfo=None)]),
        ("moment", [NOON, NOON.date()]),
    ],
    ids=str,
)
async def test_one_value_that_does_not_fit_is_refused_before_any_is_sent(
    repo: Repo, name: str, values: list[Any]
) -> None:
    with pytest.raises(CastError) as caught:
        await repo.insert_all(Sample, [{name: value} for value in [*values, None]])
    assert f"Sample.{name}" in "".join(caught.value.__notes__)
    assert await repo.aggregate(Sample, fn.count()) == 0


async def test_rows_with_moments_that_are_alike_or_not_come_back(repo: Repo) -> None:
    for moments in ([NOON] * 3, [NOON, None, NOON], [NOON + timedelta(seconds=number) for number in range(3)]):
        assert await stored(repo, "moment", moments) == moments


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("values", "sent"),
    [
        ({"integer": [1, None]}, "$1::text::bigint[]"),
        ({"text": ["a", "b"]}, "$1::text::text[]"),
        ({"text": ["a" * 100, "b"]}, "$1::text[]"),
        ({"flag": [True, False]}, "$1::text::boolean[]"),
        ({"exact": [Decimal(1), None]}, "$1::text::numeric[]"),
        ({"ratio": [1.5, 2.5]}, "$1::float8[]"),
        ({"ratio": [None, None]}, "$1::text::float8[]"),
        ({"moment": [NOON, None]}, "$1::timestamptz[]"),
    ],
    ids=str,
)
async def test_postgresql_is_sent_text_where_it_reads_that_sooner(
    postgres_blog: str, events: list[QueryEvent], values: dict[str, list[Any]], sent: str
) -> None:
    [(name, column)] = values.items()
    async with Repo(postgres_blog) as repo:
        assert await stored(repo, name, column) == column
        await repo.delete_all(Sample)
    assert [one.sql for one in events if sent in one.sql]

"""Every type, every way in and every way out: what is stored comes back equal, and of the same class."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from json import dumps
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ectype import CastError, Repo, UnsupportedError, change, evolve, fn, from_
from tests.integration.repo.blog import Address, Role, Sample, Stars

PARIS = timezone(timedelta(hours=2))

VALUES = {
    "integer": [0, 1, -1, 2**31, 2**63 - 1, -(2**63)],
    "text": ["", " ", "Ada", "a'b\"c\\d", "Ünïcödé 🎉 ‮", "a\nb\tc", "%_;--", "$1 ?1 {}", "x" * 10_000],
    "flag": [True, False],
    "ratio": [0.0, -0.5, 1e300, 5e-324, 0.1 + 0.2, 1.0],
    "exact": [Decimal(0), Decimal("1.50"), Decimal("-0.001"), Decimal("123456789012345678901234567890.5")],
    "scaled": [Decimal("0.000"), Decimal("1.500"), Decimal("-12.345"), Decimal("999999999.999")],
    "blob": [b"", b"\x00\xff", b"a'b", bytes(range(256))],
    "uuid": [UUID(int=0), UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")],
    "moment": [
        datetime(2026, 11, 1, 9, 2, 3, 123456, tzinfo=UTC),
        datetime(2026, 11, 1, 9, 2, 3, tzinfo=UTC),
        datetime(2026, 11, 1, 9, 2, 3, tzinfo=PARIS),
        datetime(1, 1, 2, tzinfo=UTC),
        datetime(9999, 12, 30, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(1883, 11, 18, 12, 3, 58, tzinfo=UTC),
    ],
    "day": [date(2026, 11, 1), date(1, 1, 2), date(9999, 12, 30), date(2024, 2, 29)],
    "clock": [time(0), time(23, 59, 59, 999999), time(9, 2)],
    "span": [
        timedelta(0),
        timedelta(microseconds=1),
        timedelta(days=-1, microseconds=5),
        timedelta(days=400, hours=25, minutes=61),
        -timedelta(hours=3),
    ],
    "role": [Role.MEMBER, Role.ADMIN],
    "stars": [Stars.ONE, Stars.TWO],
    "document": [
        {},
        {"a": 1, "b": [1, 2.5, None, True, "x"], "c": {"d": {"e": []}}},
        {"": "empty key", "ü": "'\"\\", "n": 10**20, "f": 1e16},
    ],
    "items": [[], [1, "a", None, {"b": []}], [[[]]]],
    "numbers": [[], [1], [-(2**63), 2**63 - 1, 0]],
    "words": [[], ["a,b", 'c"d', "{e}", "NULL", "", "\\", "f'g", " ", None], ["ü🎉"]],
    "prices": [[], [Decimal("1.10"), Decimal(-2)]],
    "digests": [[], [b"", b"\x00\xff\\"]],
    "keys": [[], [UUID(int=7)]],
    "moments": [[], [datetime(2026, 11, 1, 9, 2, 3, 5, tzinfo=UTC), datetime(1, 1, 2, tzinfo=UTC)]],
    "roles": [[], [Role.ADMIN, Role.MEMBER, Role.ADMIN]],
    "address": [Address(street="Rue"), Address(street="", floors=[1, 2])],
}
CASES = [pytest.param(name, values, id=name) for name, values in VALUES.items()]
TEXTS = ["", "A", "B", "a", "b", "ß"]
ORDERED = ("integer", "text", "ratio", "scaled", "uuid", "moment", "day", "clock", "span")
NOT_COMPARED = ("document", "items", "address", "numbers", "words", "prices", "digests", "keys", "moments", "roles")
NOT_ORDERED_ON_SQLITE = ("exact",)


def column(name):
    return Sample.__schema__.source.columns[name]


def same(left, right):
    """Compare what people see too: 1 is not True, 1.50 is not 1.5. (A driver's UUID is a subclass.)

    The keys of a JSON document have no order, and -0.0 is 0.0.
    """
    if isinstance(right, dict | list):
        return left == right and dumps(left, sort_keys=True, default=repr) == dumps(right, sort_keys=True, default=repr)
    return left == right and isinstance(left, right.__class__) and (right == 0 or repr(left) == repr(right))


def expected(value):
    """A point in time comes back in UTC, whatever zone it went in with."""
    return value.astimezone(UTC).replace(fold=0) if isinstance(value, datetime) else value


def test_every_field_of_the_schema_has_values():
    assert list(VALUES) == [name for name in Sample.__schema__.column_names if name != "id"]


@pytest.mark.parametrize(("name", "values"), CASES)
async def test_a_value_comes_back_as_it_went_in_through_insert_get_update_and_insert_all(repo: Repo, name, values):
    for value in values:
        inserted = await repo.insert(Sample(**{name: value}))
        read = await repo.get_or_raise(Sample, inserted.id)
        assert same(getattr(read, name), expected(value)), value
        assert getattr(inserted, name) == getattr(read, name)
        assert await repo.all(from_(Sample).where(Sample.id == read.id).select(column(name))) == [expected(value)]
        emptied = await repo.update(change(read).put_change(column(name), None))
        assert getattr(await repo.get_or_raise(Sample, read.id), name) is None
        await repo.update(change(emptied).put_change(column(name), value))
        assert same(getattr(await repo.get_or_raise(Sample, read.id), name), expected(value))
    await repo.delete_all(Sample)
    assert await repo.insert_all(Sample, [{name: value} for value in [*values, None]]) == len(values) + 1
    back = await repo.insert_all(Sample, [{name: value} for value in values], returning=column(name))
    assert all(map(same, back, map(expected, values)))
    stored = await repo.all(from_(Sample).order_by(Sample.id))
    assert [getattr(row, name) for row in stored] == [*map(expected, values), None, *map(expected, values)]


@pytest.mark.parametrize(("name", "values"), [case for case in CASES if case.values[0] not in NOT_COMPARED])
async def test_a_value_is_found_by_where_and_in(repo: Repo, name, values):
    ids = await repo.insert_all(Sample, [{name: value} for value in values], returning=Sample.id)
    own = column(name)
    if name in NOT_ORDERED_ON_SQLITE and repo.adapter.dialect.name == "SQLite":
        with pytest.raises(UnsupportedError, match=r"keeps `Sample\.exact` as text"):
            await repo.all(from_(Sample).where(own == values[0]))
        return
    if name == "blob" and repo.adapter.dialect.name == "SQLite":
        with pytest.raises(CastError, match="a list of bytes cannot be a parameter on SQLite"):
            await repo.all(from_(Sample).where(own.in_(values)))
    else:
        assert await repo.all(from_(Sample).where(own.in_(values)).order_by(Sample.id).select(Sample.id)) == ids
        assert await repo.all(from_(Sample).where(own.in_([])).select(Sample.id)) == []
    for key, value in zip(ids, values, strict=True):
        assert key in await repo.all(from_(Sample).where(own == value).select(Sample.id))
        assert key not in await repo.all(from_(Sample).where(own != value).select(Sample.id))


async def test_a_list_of_a_hundred_thousand_values_is_one_parameter(repo: Repo, events):
    await repo.insert_all(Sample, [{"integer": number} for number in (1, 50_000, 200_000)])
    many = list(range(100_000))
    found = await repo.all(from_(Sample).where(Sample.integer.in_(many)).order_by(Sample.id).select(Sample.integer))
    assert found == [1, 50_000]
    assert len(events[-1].params) == 1


@pytest.mark.parametrize("name", ORDERED)
async def test_the_database_orders_values_as_python_does(repo: Repo, name):
    values = TEXTS if name == "text" else sorted({expected(value) for value in VALUES[name]})
    await repo.insert_all(Sample, [{name: value} for value in reversed(values)])
    if name == "text" and repo.adapter.dialect.name == "PostgreSQL":
        found = await repo.all(from_(Sample).select(column(name)))
        assert sorted(found) == values
    else:
        assert await repo.all(from_(Sample).order_by(column(name)).select(column(name))) == values
    assert await repo.aggregate(from_(Sample).where(column(name) > values[0]), fn.count(Sample.id)) == len(values) - 1


def one(name, value):
    return pytest.param(name, value, id=f"{name}={value!r:.30}")


REFUSED = [
    one("integer", True),
    one("integer", "1"),
    one("integer", 1.0),
    one("integer", 2**63),
    one("text", "a\0b"),
    one("text", "\ud800"),
    one("text", b"a"),
    one("flag", 1),
    one("ratio", "1"),
    one("exact", 1.5),
    one("exact", Decimal("NaN")),
    one("exact", Decimal("Infinity")),
    one("exact", Decimal("1e1001")),
    one("scaled", Decimal("1.2345")),
    one("blob", "a"),
    one("uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    one("moment", datetime(2026, 11, 1)),
    one("moment", date(2026, 11, 1)),
    one("day", datetime(2026, 11, 1, tzinfo=UTC)),
    one("clock", time(1, tzinfo=UTC)),
    one("span", 5),
    one("role", "admin"),
    one("document", {"a": {1, 2}}),
    one("document", {"a": float("nan")}),
    one("document", {"a": "b\0c"}),
    one("document", {1: "a"}),
    one("document", []),
    one("items", {}),
    one("numbers", [1, None]),
    one("numbers", (1,)),
    one("words", ["a\0b"]),
    one("digests", ["a"]),
    one("address", {"street": "x"}),
]


@pytest.mark.parametrize(("name", "value"), REFUSED)
async def test_a_value_that_would_be_changed_is_refused_with_the_field_and_nothing_is_stored(repo: Repo, name, value):
    for write in (
        lambda: repo.insert(Sample(**{name: value})),
        lambda: repo.insert_all(Sample, [{name: None}, {name: value}]),
        lambda: repo.update_all(Sample, column(name).set(value)),
    ):
        with pytest.raises(CastError) as caught:
            await write()
        text = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", ())])
        assert f"Sample.{name}" in text
    assert await repo.all(Sample) == []


async def test_a_nan_is_stored_by_postgresql_and_refused_by_sqlite(repo: Repo):
    if repo.adapter.dialect.name == "SQLite":
        with pytest.raises(CastError, match="SQLite stores no other"):
            await repo.insert(Sample(ratio=float("nan")))
        return
    await repo.insert_all(Sample, [{"ratio": float("nan")}, {"ratio": float("inf")}])
    found = await repo.all(from_(Sample).order_by(Sample.id).select(Sample.ratio))
    assert [str(value) for value in found] == ["nan", "inf"]


async def test_the_mean_of_integers_and_decimals_is_a_short_decimal(repo: Repo):
    await repo.insert_all(
        Sample, [{"integer": 1, "scaled": Decimal("0.005")}, {"integer": 2, "scaled": Decimal("0.010")}, {}]
    )
    assert await repo.aggregate(Sample, fn.avg(Sample.integer)) == Decimal("1.5")
    assert await repo.aggregate(Sample, fn.avg(Sample.scaled)) == Decimal("0.0075")
    assert await repo.aggregate(Sample, fn.sum(Sample.scaled)) == Decimal("0.015")
    await repo.insert_all(Sample, [{"integer": value} for value in (0, 0)])
    mean = await repo.aggregate(from_(Sample).where(Sample.integer <= 1), fn.avg(Sample.integer))
    assert isinstance(mean, Decimal)
    assert abs(mean - Decimal(1) / 3) < Decimal("1e-15")
    assert len(str(mean)) < 30


async def test_a_column_that_changes_in_place_is_compared_with_what_was_stored(repo: Repo):
    given_tags = ["a"]
    inserted = await repo.insert(Sample(words=given_tags, document={"a": [1]}))
    for stored in (inserted, await repo.get_or_raise(Sample, inserted.id)):
        stored.words.append("b")
        stored.document["a"].append(2)
        changeset = change(stored, Sample.words.set(stored.words), Sample.document.set(stored.document))
        assert dict(changeset.changes) == {"words": ["a", "b"], "document": {"a": [1, 2]}}
    updated = await repo.update(changeset)
    assert dict(change(updated, Sample.words.set(["a", "b"])).changes) == {}
    updated.words.append("c")
    again = change(updated, Sample.words.set(updated.words), Sample.document.set({"a": [1, 2]}))
    assert dict(again.changes) == {"words": ["a", "b", "c"]}
    other = await repo.update(change(evolve(updated, text="x"), Sample.integer.set(1)))
    assert dict(change(other, Sample.words.set(["a", "b"])).changes) == {}


ANYTHING = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
ANY_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
INTEGERS = st.integers(-(2**63), 2**63 - 1)
MOMENTS = st.datetimes(
    datetime(1, 1, 3), datetime(9999, 12, 29), timezones=st.timezones() | st.just(UTC), allow_imaginary=False
)
# PostgreSQL's `jsonb` knows no negative zero.
FLOATS = st.floats(allow_nan=False, allow_infinity=False).map(lambda number: number + 0.0)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | INTEGERS | ANY_TEXT | FLOATS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)
ROWS = st.fixed_dictionaries(
    {
        "text": st.none() | ANY_TEXT,
        "integer": st.none() | INTEGERS,
        "moment": st.none() | MOMENTS,
        "document": st.none() | st.dictionaries(ANY_TEXT, DOCUMENTS, max_size=3),
        "items": st.none() | st.lists(DOCUMENTS, max_size=3),
        "words": st.none() | st.lists(st.none() | ANY_TEXT, max_size=4),
        "ratio": st.none() | FLOATS,
        "exact": st.none() | st.decimals(allow_nan=False, allow_infinity=False, places=6),
        "blob": st.none() | st.binary(max_size=20),
        "span": st.none() | st.timedeltas(timedelta(days=-100_000_000), timedelta(days=100_000_000)),
    }
)


@ANYTHING
@given(rows=st.lists(ROWS, min_size=1, max_size=8))
async def test_whatever_rows_are_stored_come_back(repo: Repo, rows):
    ids = await repo.insert_all(Sample, rows, returning=Sample.id)
    found = {row.id: row for row in await repo.all(from_(Sample).where(Sample.id.in_(ids)))}
    for key, row in zip(ids, rows, strict=True):
        one = await repo.insert(Sample(**row))
        for name, value in row.items():
            assert same(getattr(found[key], name), expected(value))
            assert getattr(one, name) == value
            if value is not None and name in ("text", "integer", "moment"):
                found_by = from_(Sample).where(column(name) == value, Sample.id == key)
                assert await repo.exists(found_by)

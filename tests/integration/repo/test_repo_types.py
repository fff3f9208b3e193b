"""The types beyond Python's own, through a repo: what is stored comes back equal, or was refused before."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import IntEnum, StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from typing import Annotated, Any

import pytest
from annotated_types import Gt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ectype import (
    ULID,
    CastError,
    CIText,
    CustomType,
    Err,
    Field,
    Interval,
    InvalidChangesetError,
    MacAddress,
    Ok,
    Range,
    Repo,
    Schema,
    UnsupportedError,
    change,
    field,
    fn,
    from_,
    migrations,
    pg_enum,
    primary_key,
    ulid,
    uuid7,
    values,
)
from ectype.adapters.registry import adapter_for
from ectype.migrations import Migration


class Role(StrEnum):
    MEMBER = "member"
    ADMIN = "admin"


class Level(IntEnum):
    LOW = -1
    HIGH = 10
    TOP = 2**63 - 1


class Slug(CustomType[str, str]):
    """Text in lower case, made when nobody gives one."""

    def cast(self, value: object) -> Ok[str] | Err:
        return Ok(value.strip().lower()) if isinstance(value, str) else Err("is no slug")

    def dump(self, value: str) -> str:
        return f"slug:{value}"

    def load(self, stored: str) -> str:
        return stored.removeprefix("slug:")

    def autogenerate(self) -> str:
        return "generated"


class Cents(CustomType[Decimal, int]):
    """Money as whole cents, which both databases order."""

    def cast(self, value: object) -> Ok[Decimal] | Err:
        return Ok(Decimal(value)) if isinstance(value, str | int) else Err()

    def dump(self, value: Decimal) -> int:
        return int(value * 100)

    def load(self, stored: int) -> Decimal:
        return Decimal(stored) / 100


class Moment(CustomType[float, datetime]):
    """Seconds since 1970, kept as a timestamp."""

    def cast(self, value: object) -> Ok[float] | Err:
        return Ok(value) if isinstance(value, float) else Err()

    def dump(self, value: float) -> datetime:
        return datetime.fromtimestamp(value, UTC)

    def load(self, stored: datetime) -> float:
        return stored.timestamp()


ROLE = pg_enum(Role, name="typed role")


class Typed(Schema, table="typed"):
    id: Field[uuid.UUID] = primary_key(autogenerate=uuid7)
    key: Field[str | None] = field(type=ULID, default=None)
    slug: Field[str] = field(type=Slug)
    cents: Field[Decimal | None] = field(type=Cents, default=None)
    moment: Field[float | None] = field(type=Moment, default=None)
    level: Field[Level | None] = field(default=None)
    levels: Field[list[Level] | None] = field(default=None)
    role: Field[Role | None] = field(type=ROLE, default=None)
    roles: Field[list[Role | None] | None] = field(type=ROLE, default=None)
    slugs: Field[list[Annotated[str, Slug]] | None] = field(default=None)
    address: Field[IPv4Address | IPv6Address | None] = field(default=None)
    network: Field[IPv4Network | IPv6Network | None] = field(default=None)
    addresses: Field[list[IPv4Address] | None] = field(default=None)
    hardware: Field[str | None] = field(type=MacAddress, default=None)
    interval: Field[Interval | None] = field(default=None)
    numbers: Field[Range[int] | None] = field(default=None)
    decimals: Field[Range[Decimal] | None] = field(default=None)
    days: Field[Range[date] | None] = field(default=None)
    moments: Field[Range[datetime] | None] = field(default=None)
    ranges: Field[list[Range[int]] | None] = field(default=None)
    count: Field[Annotated[int, Gt(0)] | None] = field(default=None)
    price: Field[Annotated[Decimal, Gt(0)] | None] = field(default=None, scale=2)
    by_role: Field[dict[Role, list[bytes]] | None] = field(default=None)
    grid: Field[list[list[Decimal]] | None] = field(default=None)


class Named(Schema, table="named"):
    id: Field[int] = primary_key()
    name: Field[str] = field(type=CIText)


def change_tables(m: Migration) -> None:
    with m.create_table("typed", primary_key=False) as t:
        for one in Typed.__schema__.fields.values():
            t.column(one.name, one.type, primary_key=one.name == "id")


@pytest.fixture(params=[pytest.param("postgres", marks=pytest.mark.postgres), "sqlite"])
async def repo(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Repo]:
    """A database of its own with the table of every type."""
    if request.param == "sqlite":
        async with Repo(f"sqlite:///{tmp_path / 'types.db'}", pool_size=2) as one:
            await migrations.up(one, 1, change_tables)
            yield one
        return
    server: str = request.getfixturevalue("postgres_url")
    name = f"types_{uuid.uuid4().hex[:12]}"
    connection = await adapter_for(server).connect(10)
    await connection.script(f"CREATE SCHEMA {name}; CREATE TYPE {name}.\"typed role\" AS ENUM ('member', 'admin')")
    sign = "&" if "?" in server else "?"
    async with Repo(f"{server}{sign}options=-csearch_path%3D{name}%2Cpublic", pool_size=2) as one:
        await migrations.up(one, 1, change_tables)
        yield one
    await connection.script(f"DROP SCHEMA {name} CASCADE")
    await connection.close()


VALUES: dict[str, list[Any]] = {
    "key": [ulid(), "0" * 26, "7" + "Z" * 25],
    "slug": ["ada", "o'brien", "ü"],
    "cents": [Decimal("9.99"), Decimal(0), Decimal("-0.01")],
    "moment": [0.0, 1_700_000_000.5],
    "level": list(Level),
    "levels": [[], list(Level)],
    "role": list(Role),
    "roles": [[], [Role.ADMIN, None, Role.MEMBER]],
    "slugs": [[], ["a", "b,c", 'd"e']],
    "address": [IPv4Address("10.0.0.1"), IPv6Address("::1"), IPv6Address("::ffff:1.2.3.4"), IPv4Address(0)],
    "network": [IPv4Network("10.0.0.0/8"), IPv6Network("fe80::/10"), IPv4Network("0.0.0.0/0"), IPv4Network("1.2.3.4")],
    "addresses": [[], [IPv4Address("10.0.0.1"), IPv4Address("255.255.255.255")]],
    "hardware": ["08:00:2b:01:02:03", "ff:ff:ff:ff:ff:ff"],
    "interval": [
        Interval(),
        Interval(months=14, days=-3, microseconds=1_500_000),
        Interval(months=-1),
        Interval(days=1, microseconds=-1),
        Interval(2**31 - 1, 2**31 - 1, 2**63 - 1),
        Interval(-(2**31), -(2**31), -(2**63)),
        Interval(months=-10, days=2, microseconds=-3_600_000_001),
    ],
    "numbers": [Range(1, 5), Range(1, 5, "[]"), Range(None, 3), Range(-(2**63), None), Range(), Range(empty=True)],
    "decimals": [
        Range(Decimal("1.50"), Decimal(2), "(]"),
        Range(Decimal(1), Decimal(1), "[]"),
        Range(None, Decimal(0)),
    ],
    "days": [Range(date(2026, 1, 1), date(2026, 2, 1)), Range(date(1, 1, 2), None), Range(None, date(9999, 12, 30))],
    "moments": [
        Range(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC)),
        Range(datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=5))), None, "()"),
    ],
    "ranges": [[], [Range(1, 2), Range(empty=True), Range(None, 4)]],
    "count": [1, 2**63 - 1],
    "price": [Decimal("0.01"), Decimal("12.50")],
    "by_role": [{}, {Role.ADMIN: [b"", b"\xff\x00"], Role.MEMBER: []}],
    "grid": [[], [[], [Decimal("1.50"), Decimal(-2)]]],
}
SET: dict[str, Any] = {"slug": "given"}
SQLITE_ORDERS_NOT = ("role", "address", "network", "hardware", "interval", "numbers", "decimals", "days", "moments")
COMPARED = [name for name in VALUES if name not in ("interval", "by_role", "grid", "roles")]


def column(name: str) -> Any:
    return Typed.__schema__.source.columns[name]


def test_every_field_has_values() -> None:
    assert list(VALUES) == [name for name in Typed.__schema__.column_names if name != "id"]


@pytest.mark.parametrize("name", VALUES)
async def test_a_value_comes_back_as_it_went_in(repo: Repo, name: str) -> None:
    for value in VALUES[name]:
        inserted = await repo.insert(Typed(**{**SET, name: value}))
        read = await repo.get_or_raise(Typed, inserted.id)
        assert getattr(read, name) == getattr(inserted, name) == value
        assert isinstance(getattr(read, name), value.__class__)
        assert await repo.all(from_(Typed).where(Typed.id == read.id).select(column(name))) == [value]
        assert dict(change(read).put_change(column(name), value).changes) == {}
        if name != "slug":
            await repo.update(change(read).put_change(column(name), None))
            emptied = await repo.get_or_raise(Typed, read.id)
            assert getattr(emptied, name) is None
            await repo.update(change(emptied).put_change(column(name), value))
            assert getattr(await repo.get_or_raise(Typed, read.id), name) == value
    await repo.delete_all(Typed)
    back = await repo.insert_all(Typed, [{**SET, name: value} for value in VALUES[name]], returning=column(name))
    assert back == VALUES[name]
    await repo.update_all(Typed, column(name).set(VALUES[name][-1]))
    assert await repo.all(from_(Typed).select(column(name))) == [VALUES[name][-1]] * len(back)


@pytest.mark.parametrize("name", VALUES)
async def test_a_value_is_cast_to_itself_and_is_no_change(repo: Repo, name: str) -> None:
    for value in VALUES[name]:
        if name == "cents":
            continue
        changeset = change(Typed(**SET)).cast({name: value}, column(name))
        assert changeset.valid, changeset.errors
        stored = await repo.insert(changeset)
        again = change(await repo.get_or_raise(Typed, stored.id)).cast({name: value}, column(name))
        assert (again.valid, dict(again.changes)) == (True, {})


@pytest.mark.parametrize("name", COMPARED)
async def test_a_value_is_found_by_where_and_in(repo: Repo, name: str) -> None:
    ids = await repo.insert_all(Typed, [{**SET, name: value} for value in VALUES[name]], returning=Typed.id)
    for key, value in zip(ids, VALUES[name], strict=True):
        assert key in await repo.all(from_(Typed).where(column(name) == value).select(Typed.id))
        assert key not in await repo.all(from_(Typed).where(column(name) != value).select(Typed.id))
    if not isinstance(VALUES[name][0], list):
        found = await repo.all(from_(Typed).where(column(name).in_(VALUES[name])).select(Typed.id))
        assert sorted(found) == sorted(ids)


@pytest.mark.parametrize("name", SQLITE_ORDERS_NOT)
async def test_order_is_postgresqls_and_refused_where_text_would_tell_another(repo: Repo, name: str) -> None:
    values = VALUES[name]
    queries = (
        from_(Typed).order_by(column(name)),
        from_(Typed).where(column(name) > values[0]),
        from_(Typed).select(fn.max(column(name))) if name == "role" else from_(Typed).order_by(column(name).desc()),
    )
    if repo.adapter.dialect.target == "postgres":
        for query in queries:
            await repo.all(query)
        return
    if name == "hardware":
        assert await repo.all(from_(Typed).order_by(column(name))) == []
        return
    for query in queries:
        with pytest.raises(UnsupportedError, match=f"SQLite keeps `Typed.{name}`"):
            await repo.all(query)


async def test_intervals_are_compared_by_postgresql_only(repo: Repo) -> None:
    await repo.insert(Typed(slug="a", interval=Interval(months=1)))
    query = from_(Typed).where(Typed.interval == Interval(months=1))
    if repo.adapter.dialect.target == "postgres":
        assert len(await repo.all(query)) == 1
        assert len(await repo.all(from_(Typed).where(Typed.interval.in_([Interval(months=1)])))) == 1
        with pytest.raises(CastError, match="with its months"):
            await repo.all(from_(Typed).select(Typed.interval).distinct())
        return
    for refused in (query, from_(Typed).where(Typed.interval.in_([Interval()])), from_(Typed).group_by(Typed.interval)):
        with pytest.raises(UnsupportedError, match=r"equality and order mean nothing"):
            await repo.all(refused.select(fn.count(Typed.id)))


async def test_numbers_of_an_enum_are_ordered_as_numbers(repo: Repo) -> None:
    await repo.insert_all(Typed, [{**SET, "level": level} for level in (Level.TOP, Level.LOW, Level.HIGH)])
    assert await repo.all(from_(Typed).order_by(Typed.level).select(Typed.level)) == [Level.LOW, Level.HIGH, Level.TOP]
    assert await repo.aggregate(from_(Typed).where(Typed.level >= Level.HIGH), fn.count(Typed.id)) == 2


async def test_money_of_a_custom_type_is_ordered_by_what_is_stored(repo: Repo) -> None:
    await repo.insert_all(Typed, [{**SET, "cents": Decimal(one)} for one in ("10.00", "9.99", "-1")])
    found = await repo.all(from_(Typed).order_by(Typed.cents).select(Typed.cents))
    assert found == [Decimal(-1), Decimal("9.99"), Decimal(10)]
    assert await repo.aggregate(from_(Typed).where(Typed.cents > Decimal("9.98")), fn.count(Typed.id)) == 2


async def test_prices_with_a_constraint_are_ordered_and_summed(repo: Repo) -> None:
    await repo.insert_all(Typed, [{**SET, "price": Decimal(one)} for one in ("10.00", "9.99")])
    assert await repo.all(from_(Typed).order_by(Typed.price).select(Typed.price)) == [Decimal("9.99"), Decimal("10.00")]
    assert await repo.aggregate(Typed, fn.sum(Typed.price)) == Decimal("19.99")


async def test_a_custom_type_makes_its_value_at_insert(repo: Repo) -> None:
    changeset = change(Typed).cast({"count": "3"}, Typed.count)
    made = await repo.insert(changeset)
    assert (made.slug, made.count) == ("generated", 3)
    assert (await repo.get_or_raise(Typed, made.id)).slug == "generated"


async def test_a_stored_value_that_no_member_has_names_its_column(repo: Repo) -> None:
    await repo.insert(Typed(slug="a", level=Level.HIGH))
    connection = await repo.adapter.connect(10)
    await connection.execute("UPDATE typed SET level = 99")
    await connection.close()
    with pytest.raises(CastError, match="the database gave 99") as caught:
        await repo.all(Typed)
    assert caught.value.__notes__ == ["in the column `Typed.level`"]
    assert "its values are -1, 10" in str(caught.value)


REFUSED: list[tuple[str, object]] = [
    ("key", "01arz3ndektsv4rrffq69g5fav"),
    ("key", "x"),
    ("slug", 7),
    ("slug", "a\0b"),
    ("slug", "\ud800"),
    ("cents", 1.5),
    ("moment", "x"),
    ("moment", float("nan")),
    ("moment", 1e300),
    ("level", 10),
    ("levels", [10]),
    ("role", "admin"),
    ("roles", ["admin"]),
    ("address", "10.0.0.1"),
    ("address", IPv6Address("fe80::1%eth0")),
    ("network", IPv4Address("10.0.0.1")),
    ("addresses", [IPv6Address("::1")]),
    ("hardware", "08-00-2b-01-02-03"),
    ("interval", timedelta(1)),
    ("numbers", [1, 2]),
    ("numbers", Range(Decimal(1), Decimal(2))),
    ("numbers", Range(2**63, None)),
    ("decimals", Range(Decimal("1e200000"), None)),
    ("days", Range(datetime(2026, 1, 1, tzinfo=UTC), None)),
    ("days", Range(date.max, None)),
    ("moments", Range(None, datetime.max.replace(tzinfo=UTC))),
    ("count", 0),
    ("price", Decimal("-1.00")),
    ("price", Decimal("1.001")),
    ("by_role", {"nobody": []}),
    ("grid", [[Decimal("NaN")]]),
]


@pytest.mark.parametrize(("name", "value"), REFUSED, ids=lambda one: repr(one)[:40])
async def test_what_would_be_changed_is_refused_with_its_field(repo: Repo, name: str, value: object) -> None:
    for write in (
        lambda: repo.insert(Typed(**{**SET, name: value})),
        lambda: repo.insert_all(Typed, [{**SET, name: value}]),
        lambda: repo.update_all(Typed, column(name).set(value)),
    ):
        with pytest.raises(CastError) as caught:
            await write()
        assert f"Typed.{name}" in "\n".join([str(caught.value), *getattr(caught.value, "__notes__", ())])
    assert await repo.all(Typed) == []


class Shape(Schema):
    interval: Field[Interval | None] = field(default=None)
    days: Field[Range[date] | None] = field(default=None)
    ranges: Field[list[Range[int]] | None] = field(default=None)
    role: Field[Role | None] = field(type=ROLE, default=None)
    slug: Field[str | None] = field(type=Slug, default=None)
    address: Field[IPv4Address | None] = field(default=None)


async def test_constant_rows_hold_every_type(repo: Repo) -> None:
    full = Shape(
        interval=Interval(months=1),
        days=Range(date(2026, 1, 1)),
        ranges=[Range(1, 2)],
        role=Role.ADMIN,
        slug="a",
        address=IPv4Address("10.0.0.1"),
    )
    found = await repo.all(from_(values(Shape, [full, Shape(interval=Interval())])))
    assert sorted(row.slug or "" for row in found) == ["", "a"]
    (back,) = [row for row in found if row.slug]
    names = ("interval", "days", "ranges", "role", "slug", "address")
    assert [getattr(back, name) for name in names] == [getattr(full, name) for name in names]


async def test_text_without_case_is_found_in_any_case_and_unique_in_all(repo: Repo) -> None:
    connection = await repo.adapter.connect(10)
    if repo.adapter.dialect.target == "postgres":
        found = "SELECT count(*)::int FROM pg_available_extensions WHERE name = 'citext'"
        if not await connection.fetch(found, (), lambda rows: rows[0][0]):
            await connection.close()
            pytest.skip("this server has no citext")
        await connection.script("CREATE EXTENSION IF NOT EXISTS citext SCHEMA public")
    await connection.close()

    def named(m: Migration) -> None:
        with m.create_table("named") as t:
            t.column("name", CIText, null=False)
        m.create_index("named", "name", unique=True)

    await migrations.up(repo, 2, named)
    stored = await repo.insert(Named(name="Ada"))
    assert (await repo.get_by_or_raise(Named, Named.name == "aDA")).name == "Ada"
    assert await repo.exists(from_(Named).where(Named.name.in_(["x", "ADA"])))
    assert not await repo.exists(from_(Named).where(Named.name != "ada"))
    with pytest.raises(InvalidChangesetError):
        await repo.insert(change(Named).cast({"name": "ADA"}, Named.name).unique_constraint(Named.name))
    shouted = change(stored).cast({"name": "ADA"}, Named.name)
    assert dict(shouted.changes) == {"name": "ADA"}
    assert (await repo.update(shouted)).name == "ADA"
    assert await repo.insert_all(Named, [{"name": "Bob"}], returning=Named.name) == ["Bob"]


ANY_INTERVAL = st.builds(
    Interval,
    st.integers(-(2**31), 2**31 - 1),
    st.integers(-(2**31), 2**31 - 1),
    st.integers(-(2**63), 2**63 - 1),
)
ENDS = {
    "numbers": st.integers(-(2**63), 2**63 - 2),
    "decimals": st.decimals(allow_nan=False, allow_infinity=False, places=5, min_value=-(10**20), max_value=10**20),
    "days": st.dates(date(1, 1, 2), date(9999, 12, 29)),
    "moments": st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=st.just(UTC)),
}


def ranges(name: str) -> st.SearchStrategy[Any]:
    ends = st.tuples(st.none() | ENDS[name], st.none() | ENDS[name])
    ordered = ends.map(lambda pair: pair if None in pair or pair[0] <= pair[1] else (pair[1], pair[0]))
    bounds = st.sampled_from(["[)", "[]", "()", "(]"])
    return st.builds(lambda pair, how: Range(*pair, how), ordered, bounds) | st.just(Range(empty=True))


ROWS = st.fixed_dictionaries(
    {
        "slug": st.just("x"),
        "interval": st.none() | ANY_INTERVAL,
        "address": st.none() | st.ip_addresses(),
        "network": st.none() | st.ip_addresses(network="10.0.0.0/8").map(lambda ip: IPv4Network((ip, 32))),
        **{name: st.none() | ranges(name) for name in ENDS},
    }
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROWS, min_size=1, max_size=6))
async def test_whatever_is_stored_comes_back_equal(repo: Repo, rows: list[dict[str, Any]]) -> None:
    ids = await repo.insert_all(Typed, rows, returning=Typed.id)
    found = {row.id: row for row in await repo.all(from_(Typed).where(Typed.id.in_(ids)))}
    for key, row in zip(ids, rows, strict=True):
        for name, value in row.items():
            assert getattr(found[key], name) == value
            if name in ENDS and value is not None:
                assert await repo.exists(from_(Typed).where(column(name) == value, Typed.id == key))

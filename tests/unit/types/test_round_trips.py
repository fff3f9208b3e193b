"""Every type through the real databases: what is stored is loaded as an equal value of the same class."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import pytest
from annotated_types import MinLen
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject, SearchStrategy
from pydantic import BaseModel

from ectype.errors import CastError
from ectype.types.base import Codec, Target, Type
from ectype.types.beyond import BeyondDate, BeyondDateTime, BeyondTime
from ectype.types.documents import find_fault
from ectype.types.numeric import DECIMAL, INTEGER, MAX_DECIMAL_DIGITS
from ectype.types.resolve import field_type
from ectype.types.temporal import DATE, DATETIME

SETTINGS = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class Role(StrEnum):
    ADMIN = "admin"
    MEMBER = "mémber"


class Level(IntEnum):
    LOW = -1
    HIGH = 10


class Address(BaseModel):
    street: str
    number: int | None = None
    opened: date | None = None


@dataclass(frozen=True)
class Case:
    """A field's annotation with values of it; `refused` says on which databases some of them may be refused."""

    annotation: Any
    values: SearchStrategy[Any]
    scale: int | None = None
    refused: tuple[Target, ...] = ()

    @property
    def type(self) -> Type[Any]:
        return field_type(self.annotation, scale=self.scale)[0]


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
INT64 = st.integers(-(2**63), 2**63 - 1)
DECIMALS = st.builds(
    lambda sign, digits, exponent: Decimal((sign, tuple(digits), exponent)),
    st.integers(0, 1),
    st.lists(st.integers(0, 9), min_size=1, max_size=40),
    st.integers(-60, 60) | st.sampled_from([-MAX_DECIMAL_DIGITS, MAX_DECIMAL_DIGITS - 40]),
)
ZONES = (
    st.sampled_from([UTC, timezone(timedelta(hours=14)), timezone(timedelta(hours=-12, minutes=-1))]) | st.timezones()
)
STAMPS = st.datetimes(timezones=ZONES) | st.sampled_from([datetime(1, 1, 1, 0, 0, 0, 1, tzinfo=UTC)])
JSON_VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
DOCUMENTS = st.recursive(JSON_VALUES, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=10)
SHORT: Any = Annotated[str, MinLen(3)]

CASES = {
    "int": Case(int, INT64 | st.sampled_from([2**63 - 1, -(2**63)])),
    "bool": Case(bool, st.booleans()),
    "float": Case(float, st.floats(), refused=("sqlite",)),
    "str": Case(str, TEXT),
    "bytes": Case(bytes, st.binary()),
    "uuid": Case(UUID, st.uuids()),
    "decimal": Case(Decimal, DECIMALS),
    "scaled decimal": Case(Decimal, st.decimals(-(10**16), 10**16, places=2, allow_nan=False), scale=2),
    "date": Case(date, st.dates(), refused=("postgres",)),
    "time": Case(time, st.times()),
    "datetime": Case(datetime, STAMPS, refused=("postgres", "sqlite")),
    "timedelta": Case(timedelta, st.timedeltas(), refused=("sqlite",)),
    "enum": Case(Role, st.sampled_from(Role)),
    "int enum": Case(Level, st.sampled_from(Level)),
    "dict": Case(dict[str, Any], st.dictionaries(TEXT, DOCUMENTS), refused=("postgres", "sqlite")),
    "list": Case(list[Any], st.lists(DOCUMENTS), refused=("postgres", "sqlite")),
    "list of int": Case(list[int], st.lists(INT64)),
    "list of int or None": Case(list[int | None], st.lists(INT64 | st.none())),
    "list of str": Case(list[str], st.lists(TEXT)),
    "list of bytes": Case(list[bytes], st.lists(st.binary())),
    "list of decimal": Case(list[Decimal], st.lists(DECIMALS)),
    "list of bool": Case(list[bool], st.lists(st.booleans())),
    "list of float": Case(list[float], st.lists(st.floats(allow_nan=False, allow_infinity=False))),
    "list of date": Case(list[date], st.lists(st.dates(date(1, 1, 2), date(9999, 12, 30)))),
    "list of datetime": Case(
        list[datetime], st.lists(st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=ZONES))
    ),
    "list of timedelta": Case(list[timedelta], st.lists(st.timedeltas(timedelta(-10_000), timedelta(10_000)))),
    "list of enum": Case(list[Level], st.lists(st.sampled_from(Level))),
    "model": Case(Address, st.builds(Address, street=TEXT, number=st.none() | INT64)),
    "union": Case(int | str, INT64 | TEXT),
    "constrained": Case(SHORT, TEXT.filter(lambda text: len(text) >= 3)),
}


def same_classes(loaded: Any, value: Any) -> bool:
    return loaded.__class__ is value.__class__ or isinstance(loaded, value.__class__)


def check(case: Case, value: Any, target: Target, loaded: Any) -> None:
    assert case.type.equal(loaded, value), (loaded, value)
    assert same_classes(loaded, value)


def dumped(case: Case, value: Any, target: Target) -> tuple[Codec, Any] | None:
    codec = case.type.codec(target)
    try:
        return codec, codec.dump(value)
    except CastError:
        if target not in case.refused:
            raise
        return None


@pytest.mark.parametrize("name", CASES)
@SETTINGS
@given(data=st.data())
def test_sqlite_gives_back_what_it_was_given(name: str, data: DataObject) -> None:
    case = CASES[name]
    value = data.draw(case.values)
    found = dumped(case, value, "sqlite")
    if found is None:
        return
    codec, stored = found
    with sqlite3.connect(":memory:") as connection:
        connection.execute(f"CREATE TABLE t (v {codec.column} NOT NULL) STRICT")
        connection.execute("INSERT INTO t VALUES (?)", (stored,))
        ((given_back,),) = connection.execute("SELECT v FROM t").fetchall()
    connection.close()
    check(case, value, "sqlite", given_back if codec.load is None else codec.load(given_back))
    if codec.inline is not None:
        inline = eval(codec.inline.format(v="v", **{one: one for one in codec.names}), {"v": given_back, **codec.names})
        check(case, value, "sqlite", inline)


class Postgres:
    """One connection with the settings that ectype's own have, and the loop it lives on."""

    def __init__(self, url: str) -> None:
        self.runner = asyncio.Runner()
        settings = {"timezone": "UTC", "datestyle": "ISO"}
        self.connection: Any = self.runner.run(asyncpg.connect(url, server_settings=settings))

    def fetch(self, sql: str, *params: object) -> Any:
        return self.runner.run(self.connection.fetch(sql, *params))

    def close(self) -> None:
        self.runner.run(self.connection.close())
        self.runner.close()


@pytest.fixture(scope="module")
def postgres(postgres_url: str) -> Iterator[Postgres]:
    made = Postgres(postgres_url)
    yield made
    made.close()


def from_text(codec: Codec, text: str) -> Any:
    """Load as the loaders do: the fast function, and the slow one for what it refuses."""
    assert codec.text_load is not None
    try:
        return codec.text_load(text)
    except ValueError:
        assert codec.text_load_slow is not None
        return codec.text_load_slow(text)


@pytest.mark.postgres
@pytest.mark.parametrize("name", CASES)
@SETTINGS
@given(data=st.data())
def test_postgres_gives_back_what_it_was_given(postgres: Postgres, name: str, data: DataObject) -> None:
    case = CASES[name]
    value = data.draw(case.values)
    found = dumped(case, value, "postgres")
    if found is None:
        return
    codec, stored = found
    table = f'"round trip of {name}"'
    postgres.fetch(f"CREATE TEMP TABLE IF NOT EXISTS {table} (v {codec.column} NOT NULL)")
    ((given_back, text),) = postgres.fetch(f"INSERT INTO {table} VALUES ($1) RETURNING v, v::text", stored)
    check(case, value, "postgres", given_back if codec.load is None else codec.load(given_back))
    if codec.text_load is not None:
        check(case, value, "postgres", from_text(codec, text))


@SETTINGS
@given(st.dictionaries(TEXT, DOCUMENTS) | st.lists(DOCUMENTS))
def test_only_documents_with_a_fault_are_refused(document: Any) -> None:
    json_type = field_type(dict[str, Any] | list[Any])[0]
    for target in ("postgres", "sqlite"):
        if find_fault(document) is None:
            json_type.codec(target).dump(document)
        else:
            with pytest.raises(CastError):
                json_type.codec(target).dump(document)


@given(st.data())
@SETTINGS
def test_what_was_cast_is_cast_to_itself_and_can_be_stored(data: DataObject) -> None:
    case = CASES[data.draw(st.sampled_from([one for one in CASES if not CASES[one].refused]))]
    value = data.draw(case.values)
    once: Any = case.type.cast(value)
    assert case.type.equal(once.value, value)
    assert case.type.cast(once.value) == once
    for target in ("postgres", "sqlite"):
        case.type.codec(target).dump(once.value)


@given(
    st.text() | st.binary() | st.integers() | st.floats() | st.booleans() | st.none() | DECIMALS | st.lists(st.text())
)
@example("\ud800")
@example("1e3000000")
def test_no_input_ends_in_an_error_that_is_not_ours(value: object) -> None:
    for case in CASES.values():
        case.type.cast(value)
        for target in ("postgres", "sqlite"):
            with suppress(CastError):
                case.type.codec(target).dump(value)


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("infinity", "infinity"),
        ("-infinity", "-infinity"),
        ("10000-01-01 00:00:00+00", "10000-01-01 00:00:00+00"),
        ("294276-12-31 23:59:59.999999+00", "294276-12-31 23:59:59.999999+00"),
        ("0001-12-31 23:00:00+00 BC", "0001-12-31 23:00:00+00 BC"),
        ("4713-01-01 00:00:00+00 BC", "4713-01-01 00:00:00+00 BC"),
    ],
)
def test_timestamps_beyond_python_load_beside_others(postgres: Postgres, text: str, expected: str) -> None:
    rows = postgres.fetch("SELECT v::timestamptz::text FROM unnest($1::text[]) v", ["2026-11-01 09:02:03+00", text])
    codec = DATETIME.codec("postgres")
    first, second = (from_text(codec, one) for (one,) in rows)
    assert first == datetime(2026, 11, 1, 9, 2, 3, tzinfo=UTC)
    assert (second.__class__, str(second)) == (BeyondDateTime, expected)


@pytest.mark.postgres
@pytest.mark.parametrize("text", ["infinity", "-infinity", "10000-01-01", "5874897-12-31", "0044-03-15 BC"])
def test_dates_beyond_python_load_as_their_text(postgres: Postgres, text: str) -> None:
    ((given_back,),) = postgres.fetch("SELECT $1::text::date::text", text)
    loaded = from_text(DATE.codec("postgres"), given_back)
    assert (loaded.__class__, str(loaded)) == (BeyondDate, text)


@pytest.mark.postgres
def test_the_end_of_a_day_loads_as_its_text(postgres: Postgres) -> None:
    ((given_back,),) = postgres.fetch("SELECT time '24:00'::text")
    assert repr(from_text(field_type(time)[0].codec("postgres"), given_back)) == repr(BeyondTime.of("24:00:00"))


@pytest.mark.postgres
@pytest.mark.parametrize(("type_", "column"), [(DATE, "date"), (DATETIME, "timestamptz")])
@pytest.mark.parametrize("text", ["infinity", "-infinity"])
def test_an_infinity_comes_back_from_where_it_was_stored(
    postgres: Postgres, type_: Any, column: str, text: str
) -> None:
    codec = type_.codec("postgres")
    ((given_back,),) = postgres.fetch(f"SELECT $1::{column}::text", codec.dump(from_text(codec, text)))
    assert given_back == text


@pytest.mark.postgres
@pytest.mark.parametrize("text", ["infinity", "-infinity"])
def test_an_infinity_that_the_driver_decodes_is_the_same(postgres: Postgres, text: str) -> None:
    codec = DATETIME.codec("postgres")
    assert codec.load is not None
    ((given_back,),) = postgres.fetch("SELECT $1::text::timestamptz", text)
    loaded = codec.load(given_back)
    assert (loaded.__class__, str(loaded), loaded.tzinfo) == (BeyondDateTime, text, UTC)


@pytest.mark.postgres
def test_an_interval_with_months_is_refused_and_not_counted_in_days(postgres: Postgres) -> None:
    ((text,),) = postgres.fetch("SELECT (interval '1 year 2 mons 3 days')::text")
    codec = field_type(timedelta)[0].codec("postgres")
    assert codec.text_load is not None
    with pytest.raises(CastError, match="months and years have no fixed length"):
        codec.text_load(text)


@pytest.mark.postgres
def test_the_largest_decimals_are_stored_whole(postgres: Postgres) -> None:
    for number in (Decimal("1E+999"), Decimal("-9." + "9" * 999), Decimal("1E-1000"), Decimal("0E-1000")):
        ((given_back,),) = postgres.fetch("SELECT $1::numeric", DECIMAL.codec("postgres").dump(number))
        assert given_back == number
    ((given_back,),) = postgres.fetch("SELECT $1::bigint", INTEGER.codec("postgres").dump(2**63 - 1))
    assert given_back == 2**63 - 1

"""Networks, hardware addresses, text without case, ULIDs, vectors, intervals and ranges: what is taken, what is not."""

import copy
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectype import ULID, CIText, Interval, MacAddress, Range, Vector, ulid, uuid7
from ectype.errors import CastError, FrozenError, SchemaError
from ectype.result import Err, Ok
from ectype.types import unique
from ectype.types.intervals import INTERVAL, load_postgres
from ectype.types.network import IpAddress
from ectype.types.ranges import RangeType
from ectype.types.resolve import field_type
from ectype.types.scalars import STRING

BAD: Any = Err()
V4, V6 = field_type(IPv4Address)[0], field_type(IPv6Address)[0]
NET, ANY_IP = field_type(IPv4Network)[0], field_type(IPv4Address | IPv6Address)[0]
INTS, DECIMALS, DAYS, MOMENTS = (field_type(Range[one])[0] for one in (int, Decimal, date, datetime))
MAX = 2**63 - 1
EVERY: Any = [V4, V6, NET, ANY_IP, MacAddress(), CIText(), ULID(), Vector(2), INTERVAL, INTS, DECIMALS, DAYS, MOMENTS]


@pytest.mark.parametrize(
    ("type_", "value", "expected"),
    [
        (V4, "10.0.0.1", Ok(IPv4Address("10.0.0.1"))),
        (V4, IPv4Address(1), Ok(IPv4Address(1))),
        (V4, "10.0.0.01", BAD),
        (V4, "10.0.0.1/8", BAD),
        (V4, " 10.0.0.1", BAD),
        (V4, "10.0.0.1\n", BAD),
        (V4, "١.١.١.١", BAD),
        (V4, 1, BAD),
        (V4, b"\x01\x02\x03\x04", BAD),
        (V4, "::1", BAD),
        (V4, IPv4Network("1.2.3.4"), BAD),
        (V6, "FE80::1", Ok(IPv6Address("fe80::1"))),
        (V6, "fe80::1%eth0", BAD),
        (V6, IPv6Address("fe80::1%eth0"), BAD),
        (V6, "1" * 10**6, BAD),
        (ANY_IP, "::1", Ok(IPv6Address("::1"))),
        (ANY_IP, "1.2.3.4", Ok(IPv4Address("1.2.3.4"))),
        (NET, "10.0.0.0/8", Ok(IPv4Network("10.0.0.0/8"))),
        (NET, "10.0.0.1", Ok(IPv4Network("10.0.0.1/32"))),
        (NET, "10.0.0.1/8", BAD),
        (NET, "10.0.0.0/255.0.0.0", BAD),
        (NET, "10.0.0.0/33", BAD),
        (field_type(IPv4Network | IPv6Network)[0], "fe80::/10", Ok(IPv6Network("fe80::/10"))),
        (MacAddress(), "08-00-2B-01-02-03", Ok("08:00:2b:01:02:03")),
        (MacAddress(), "0800.2b01.0203", Ok("08:00:2b:01:02:03")),
        (MacAddress(), "08002b010203", Ok("08:00:2b:01:02:03")),
        (MacAddress(), "08:00:2b-01:02:03", BAD),
        (MacAddress(), "08:00:2b:01:02:0g", BAD),
        (MacAddress(), "08:00:2b:01:02:03:04:05", BAD),
        (MacAddress(), 7, BAD),
        (CIText(), "Ada", Ok("Ada")),
        (CIText(), "a\0", BAD),
        (CIText(), "\ud800", BAD),
        (ULID(), "01arz3ndektsv4rrffq69g5fav", Ok("01ARZ3NDEKTSV4RRFFQ69G5FAV")),
        (ULID(), "81ARZ3NDEKTSV4RRFFQ69G5FAV", BAD),
        (ULID(), "01ARZ3NDEKTSV4RRFFQ69G5FAI", BAD),
        (ULID(), "01ARZ3NDEKTSV4RRFFQ69G5FA", BAD),
        (ULID(), "0" * 25 + "ı", BAD),
        (ULID(), 7, BAD),
        (Vector(2), [1, "0.5"], Ok([1.0, 0.5])),
        (Vector(2), (1, 2), Ok([1.0, 2.0])),
        (Vector(1), [0.1], Ok([0.10000000149011612])),
        (Vector(2), [1], Err("is invalid", {"dimensions": 2})),
        (Vector(2), [1, float("nan")], Err("is invalid", {"source": [1]})),
        (Vector(2), ["1e400000", 1], Err("is invalid", {"source": [0]})),
        (Vector(2), [1e39, 1], Err("is invalid", {"source": [0]})),
        (Vector(2), "[1,2]", BAD),
        (INTERVAL, "P1Y2M3DT4H5M6.7S", Ok(Interval(14, 3, 14_706_700_000))),
        (INTERVAL, "-P1M", Ok(Interval(-1))),
        (INTERVAL, "P-1M2DT-3.5S", Ok(Interval(-1, 2, -3_500_000))),
        (INTERVAL, "P2W", Ok(Interval(days=14))),
        (INTERVAL, timedelta(days=-1, microseconds=5), Ok(Interval(days=-1, microseconds=5))),
        (INTERVAL, timedelta.max, Ok(Interval(days=999_999_999, microseconds=86_399_999_999))),
        (INTERVAL, "P", BAD),
        (INTERVAL, "PT", BAD),
        (INTERVAL, "P9999999999M", BAD),
        (INTERVAL, "PT9999999999999S", BAD),
        (INTERVAL, "1 month", BAD),
        (INTERVAL, 7, BAD),
        (INTS, {"lower": "1", "upper": 5}, Ok(Range(1, 5))),
        (INTS, {"lower": 1}, Ok(Range(1))),
        (INTS, {"lower": 1, "upper": 5, "bounds": "[]"}, Ok(Range(1, 6))),
        (INTS, {"lower": "", "upper": ""}, Ok(Range())),
        (INTS, {"lower": 1, "upper": 5, "bounds": "<>"}, BAD),
        (INTS, {"lower": 1, "step": 2}, BAD),
        (INTS, {}, BAD),
        (INTS, {"lower": "x"}, Err("is invalid", {"source": ["lower"]})),
        (INTS, [1, 5], Ok(Range(1, 5))),
        (INTS, [5, 1], BAD),
        (INTS, [1], BAD),
        (INTS, "[1,5]", Ok(Range(1, 6))),
        (INTS, "(,5)", Ok(Range(None, 5))),
        (INTS, "empty", Ok(Range(empty=True))),
        (INTS, "[1;5]", BAD),
        (INTS, f"[1,{MAX}]", BAD),
        (INTS, Range(1, MAX), Ok(Range(1, MAX))),
        (INTS, Range(date(2026, 1, 1)), Err("is invalid", {"source": ["lower"]})),
        (DECIMALS, ["1.5", Decimal(2)], Ok(Range(Decimal("1.5"), Decimal(2)))),
        (DECIMALS, ["1e200000", None], Err("is invalid", {"source": ["lower"]})),
        (DECIMALS, ["NaN", None], Err("is invalid", {"source": ["lower"]})),
        (DAYS, ["2026-01-01", "2026-02-01"], Ok(Range(date(2026, 1, 1), date(2026, 2, 1)))),
        (DAYS, "[2026-01-01,9999-12-31]", BAD),
        (DAYS, ["0000-01-01", None], Err("is invalid", {"source": ["lower"]})),
        (MOMENTS, ["2026-01-01T00:00:00Z", None], Ok(Range(datetime(2026, 1, 1, tzinfo=UTC)))),
        (MOMENTS, ["10000-01-01T00:00:00Z", None], Err("is invalid", {"source": ["lower"]})),
    ],
    ids=lambda one: repr(one)[:40],
)
def test_what_is_cast_and_what_is_not(type_: Any, value: object, expected: object) -> None:
    assert type_.cast(value) == expected


@given(
    st.text()
    | st.integers()
    | st.floats()
    | st.binary()
    | st.lists(st.none() | st.text() | st.integers() | st.floats(), max_size=3)
    | st.dictionaries(st.sampled_from(["lower", "upper", "bounds"]), st.text() | st.integers() | st.none())
)
def test_no_input_ends_in_an_error_that_is_not_ours(value: object) -> None:
    for type_ in (
        V4,
        V6,
        NET,
        ANY_IP,
        MacAddress(),
        CIText(),
        ULID(),
        Vector(2),
        INTERVAL,
        INTS,
        DECIMALS,
        DAYS,
        MOMENTS,
    ):
        outcome: Any = type_.cast(value)
        for target in ("postgres", "sqlite"):
            codec = type_.codec(target)
            for given_value in [value, *([outcome.value] if isinstance(outcome, Ok) else [])]:
                try:
                    codec.dump(given_value)
                except CastError:
                    assert given_value is value
            for load in (codec.load, codec.text_load):
                try:
                    if load is not None:
                        load(value)
                except (CastError, ValueError, TypeError):
                    pass


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (lambda: Range(1, 5, "[]"), "Range(1, 6)"),
        (lambda: Range(1, 5, "()"), "Range(2, 5)"),
        (lambda: Range(1, 2, "()"), "Range(empty=True)"),
        (lambda: Range(1, 1), "Range(empty=True)"),
        (lambda: Range(1, 1, "[]"), "Range(1, 2)"),
        (lambda: Range(None, None, "[]"), "Range(None, None, '()')"),
        (lambda: Range(None, 5, "[]"), "Range(None, 6)"),
        (lambda: Range(date(2026, 1, 1), date(2026, 1, 31), "[]").upper, "datetime.date(2026, 2, 1)"),
        (lambda: Range(Decimal(1), Decimal(2), "(]"), "Range(Decimal('1'), Decimal('2'), '(]')"),
        (lambda: Range(Decimal(1), Decimal(1), "[]"), "Range(Decimal('1'), Decimal('1'), '[]')"),
        (lambda: Range(Decimal(1), Decimal(1), "[)"), "Range(empty=True)"),
        (lambda: Range[int](1, 3), "Range(1, 3)"),
    ],
)
def test_a_range_takes_the_one_form_of_equal_ranges(made: Callable[[], object], expected: str) -> None:
    assert repr(made()) == expected


def test_a_range_is_a_value() -> None:
    one = Range(1, 5)
    assert (one, hash(one)) == (Range(1, 4, "[]"), hash(Range(0, 5, "()")))
    assert one != Range(1, 6)
    assert one != (1, 5)
    assert pickle.loads(pickle.dumps(one)) == copy.deepcopy(one) == one
    assert [value in one for value in (0, 1, 4, 5)] == [False, True, True, False]
    assert 3 in Range()
    assert 3 not in Range(empty=True)
    assert Decimal(2) in Range(Decimal(1), Decimal(2), "(]")
    assert Decimal(1) not in Range(Decimal(1), Decimal(2), "(]")
    for change in (lambda: setattr(one, "lower", 3), lambda: delattr(one, "lower")):
        with pytest.raises(FrozenError):
            change()
    match one:
        case Range(lower, upper):
            assert (lower, upper) == (1, 5)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Range(5, 1),
        lambda: Range(1, Decimal(2)),
        lambda: Range(date(2026, 1, 1), datetime(2026, 1, 2, tzinfo=UTC)),
        lambda: Range(True, 2),
        lambda: Range(1.5, 2.5),
        lambda: Range("a", "b"),
        lambda: Range(Decimal("NaN"), None),
        lambda: Range(None, Decimal("Infinity")),
        lambda: Range(datetime(2026, 1, 1), None),  # what is refused
        lambda: Range(1, 2, "<>"),
        lambda: Range(1, None, empty=True),
        lambda: Range(None, date.max, "[]"),
        lambda: Interval(months=2**31),
        lambda: Interval(days=1.5),
        lambda: Interval(microseconds=True),
        lambda: Interval(microseconds=-(2**63) - 1),
    ],
)
def test_a_value_that_means_nothing_is_refused_when_it_is_made(make: Callable[[], object]) -> None:
    with pytest.raises(CastError):
        make()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Vector(0), "cannot have 0 dimensions"),
        (lambda: Vector(16_001), "cannot have 16001 dimensions"),
        (lambda: Vector(True), "cannot have True dimensions"),
        (lambda: RangeType(STRING), "no range of string"),
        (lambda: field_type(Range), "does not say what its bounds are"),
        (lambda: field_type(Range[float]), "no range of float"),
    ],
)
def test_a_type_that_means_nothing_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        make()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("00:00:00", Interval()),
        ("1 year 2 mons -3 days +00:00:01.5", Interval(14, -3, 1_500_000)),
        ("-1 years -1 mons", Interval(-13)),
        ("1 day -00:00:00.000001", Interval(days=1, microseconds=-1)),
        ("2562047788:00:54.775807", Interval(microseconds=MAX)),
        ("infinity", Interval(2**31 - 1, 2**31 - 1, MAX)),
    ],
)
def test_an_interval_is_read_as_postgresql_prints_it(text: str, expected: Interval) -> None:
    assert load_postgres(text) == expected
    sqlite = INTERVAL.codec("sqlite")
    assert sqlite.load is not None
    assert sqlite.load(sqlite.dump(expected)) == expected


@pytest.mark.parametrize("text", ["", "P1M", "1 fortnight", "99999999999 mons", "1 mon 99:00"])
def test_what_is_no_interval_is_not_read(text: str) -> None:
    with pytest.raises(CastError):
        load_postgres(text)


def test_an_address_with_a_netmask_is_not_read_as_an_address() -> None:
    load = IpAddress((IPv4Address,)).codec("postgres").load
    assert load is not None
    for wrong in (IPv4Interface("10.0.0.1/8"), IPv6Address("::1"), "10.0.0.1"):
        with pytest.raises(CastError, match="keep a `cidr`"):
            load(wrong)


@pytest.mark.parametrize("text", ["[1]", "[1,2,3]", "1,2", "[1,null]", '["1",2]x', "[1,1e400]", 7, None])
def test_a_text_that_is_no_vector_is_not_read(text: Any) -> None:
    load = Vector(2).codec("postgres").load
    assert load is not None
    with pytest.raises(CastError, match="the database gave"):
        load(text)


def test_a_vector_has_the_text_of_pgvector_and_is_compared_in_single_precision() -> None:
    vector = Vector(3)
    codec = vector.codec("postgres")
    assert (codec.column, codec.dump([1.0, 0.5, -2.0])) == ("vector(3)", "[1.0,0.5,-2.0]")
    assert codec.load is not None
    assert codec.load("[1,2,3]") == [1.0, 2.0, 3.0]
    assert vector.equal([0.1, 0.2, 0.3], codec.load("[0.1,0.2,0.3]"))
    assert not vector.equal([0.1, 0.2, 0.3], [0.1, 0.2, 0.4])
    for wrong in ([1.0], (1.0, 2.0, 3.0), [1.0, 2.0, float("inf")], [1.0, 2.0, 1e39], [1.0, 2.0, "3"], None):
        with pytest.raises(CastError):
            codec.dump(wrong)


def test_keys_of_a_process_grow_whatever_the_clock_does(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [uuid7() for _ in range(10_000)]
    assert keys == sorted(set(keys))
    assert {(key.version, key.variant) for key in keys} == {(7, "specified in RFC 4122")}
    texts = [ulid() for _ in range(10_000)]
    assert texts == sorted(set(texts))
    assert all(ULID().codec("sqlite").dump(text) == text for text in texts[:100])
    monkeypatch.setattr(unique, "time_ns", lambda: 0)
    assert uuid7() > keys[-1]
    assert ulid() > texts[-1]


def test_threads_never_make_the_same_key() -> None:
    with ThreadPoolExecutor(8) as threads:
        made = [key for keys in threads.map(lambda _: [uuid7() for _ in range(1000)], range(8)) for key in keys]
    assert len(set(made)) == 8000


def test_text_without_case_says_so_in_ddl_and_its_spelling_is_a_change() -> None:
    assert CIText().describe().columns == {"postgres": "citext", "sqlite": "TEXT COLLATE NOCASE"}
    assert not CIText().equal("Ada", "ADA")

"""A table with a column of every type, and what people and attackers send for it."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import IntEnum, StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from types import new_class
from typing import Annotated, Any, Literal
from uuid import UUID

from annotated_types import Gt, MaxLen
from hypothesis import strategies as st
from pydantic import BaseModel

from ectype import (
    ULID,
    CIText,
    CustomType,
    EmbeddedSchema,
    EmbedsMany,
    EmbedsOne,
    Err,
    Field,
    Interval,
    MacAddress,
    Ok,
    Range,
    Schema,
    Vector,
    embeds_many,
    embeds_one,
    field,
    pg_enum,
    primary_key,
)
from ectype.migrations import Migration


class Role(StrEnum):
    MEMBER = "member"
    ADMIN = "admin"


class Level(IntEnum):
    LOW = -(2**63)
    TOP = 2**63 - 1


class Address(BaseModel):
    street: str
    floors: list[int] = []
    since: date | None = None
    price: Decimal | None = None


@dataclass(frozen=True)
class Point:
    x: int
    y: float


class Slug(CustomType[str, str]):
    """Text in lower case."""

    def cast(self, value: object) -> Ok[str] | Err:
        if not isinstance(value, str) or "\0" in value or not value.isprintable():
            return Err()
        return Ok(value.lower()) if value.lower().encode(errors="replace").decode() == value.lower() else Err()

    def dump(self, value: str) -> str:
        return f"slug:{value}"

    def load(self, stored: str) -> str:
        return stored.removeprefix("slug:")


class Everything(Schema, table="everything"):
    id: Field[int] = primary_key()
    integer: Field[int | None] = field(default=None)
    text: Field[str | None] = field(default=None)
    boolean: Field[bool | None] = field(default=None)
    real: Field[float | None] = field(default=None)
    decimal: Field[Decimal | None] = field(default=None)
    scaled: Field[Decimal | None] = field(default=None, scale=2)
    data: Field[bytes | None] = field(default=None)
    uuid: Field[UUID | None] = field(default=None)
    day: Field[date | None] = field(default=None)
    clock: Field[time | None] = field(default=None)
    moment: Field[datetime | None] = field(default=None)
    duration: Field[timedelta | None] = field(default=None)
    interval: Field[Interval | None] = field(default=None)
    role: Field[Role | None] = field(default=None)
    level: Field[Level | None] = field(default=None)
    native: Field[Role | None] = field(type=pg_enum(Role, name="every_role"), default=None)
    literal: Field[Literal["a", "b"] | None] = field(default=None)
    ip: Field[IPv4Address | IPv6Address | None] = field(default=None)
    ipv6: Field[IPv6Address | None] = field(default=None)
    network: Field[IPv4Network | IPv6Network | None] = field(default=None)
    hardware: Field[str | None] = field(type=MacAddress, default=None)
    numbers: Field[Range[int] | None] = field(default=None)
    decimals: Field[Range[Decimal] | None] = field(default=None)
    days: Field[Range[date] | None] = field(default=None)
    moments: Field[Range[datetime] | None] = field(default=None)
    ulid: Field[str | None] = field(type=ULID, default=None)
    slug: Field[str | None] = field(type=Slug, default=None)
    document: Field[dict[str, Any] | None] = field(default=None)
    items: Field[list[Any] | None] = field(default=None)
    either: Field[dict[str, Any] | list[Any] | None] = field(default=None)
    model: Field[Address | None] = field(default=None)
    point: Field[Point | None] = field(default=None)
    union: Field[int | str | None] = field(default=None)
    by_role: Field[dict[Role, list[bytes]] | None] = field(default=None)
    short: Field[Annotated[str, MaxLen(3)] | None] = field(default=None)
    positive: Field[Annotated[Decimal, Gt(0)] | None] = field(default=None)
    integers: Field[list[int] | None] = field(default=None)
    texts: Field[list[str | None] | None] = field(default=None)
    bytes_list: Field[list[bytes] | None] = field(default=None)
    decimal_list: Field[list[Decimal] | None] = field(default=None)
    float_list: Field[list[float] | None] = field(default=None)
    bools: Field[list[bool] | None] = field(default=None)
    uuids: Field[list[UUID] | None] = field(default=None)
    day_list: Field[list[date] | None] = field(default=None)
    clocks: Field[list[time] | None] = field(default=None)
    moment_list: Field[list[datetime] | None] = field(default=None)
    durations: Field[list[timedelta] | None] = field(default=None)
    roles: Field[list[Role] | None] = field(default=None)
    ips: Field[list[IPv4Address] | None] = field(default=None)
    ranges: Field[list[Range[int]] | None] = field(default=None)
    slugs: Field[list[Annotated[str, Slug]] | None] = field(default=None)
    levels: Field[list[Level] | None] = field(default=None)
    intervals: Field[list[Interval] | None] = field(default=None)
    networks: Field[list[IPv4Network | IPv6Network] | None] = field(default=None)
    macs: Field[list[Annotated[str, MacAddress]] | None] = field(default=None)
    ulids: Field[list[Annotated[str, ULID]] | None] = field(default=None)
    decimal_ranges: Field[list[Range[Decimal]] | None] = field(default=None)
    day_ranges: Field[list[Range[date]] | None] = field(default=None)
    moment_ranges: Field[list[Range[datetime]] | None] = field(default=None)
    number: Field[Literal[1, 2] | None] = field(default=None)
    positives: Field[list[Annotated[int, Gt(0)]] | None] = field(default=None)
    embedding: Field[list[float] | None] = field(type=Vector(3), default=None)
    nocase: Field[str | None] = field(type=CIText, default=None)


def _inside(namespace: dict[str, Any]) -> None:
    declared = {name: one for name, one in Everything.__schema__.declarations.items() if name != "id"}
    namespace["__annotations__"] = {name: Field[one.argument] for name, one in declared.items()}  # type: ignore[name-defined]
    namespace.update({name: one.options for name, one in declared.items()})
    namespace["__module__"] = __name__


Inside: Any = new_class("Inside", (EmbeddedSchema,), {}, _inside)
"""The same members, inside a document."""


class Holder(Schema, table="holders"):
    id: Field[int] = primary_key()
    held: EmbedsOne[Inside | None] = embeds_one()
    many: EmbedsMany[Inside] = embeds_many()


EXTENSIONS = {"embedding": "vector", "nocase": "citext"}
"""The fields whose columns need an extension of PostgreSQL, which a server may not have."""
NAMES = tuple(name for name in Everything.__schema__.column_names if name != "id")


def migration(*without: str) -> Any:
    """The migration that makes the table, without some of its columns."""

    def change(m: Migration) -> None:
        with m.create_table("everything") as t:
            for name in NAMES:
                if name not in without:
                    t.column(name, Everything.__schema__.fields[name].type)
        with m.create_table("holders") as t:
            t.column("held", dict[str, Any])
            t.column("many", list[Any])

    return change


# --- what is sent -----------------------------------------------------------------------------------------------------

EDGES: list[Any] = [
    *(2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 10**400, 0, -1, True, False),
    *(float("nan"), float("inf"), -float("inf"), 1e308, 5e-324, -0.0, 1e16, 0.1, 2.5),
    *(Decimal(text) for text in ("NaN", "sNaN", "Infinity", "-0", "1e200000", "1e-200000", "1e999", "1e-999", "1.005")),
    *("", " ", "\0", "a\0b", "\ud800", "\U0010ffff", "é", "e\u0301", "\u202e", "x" * 5_000, "null", "{}", "[]"),
    *("9223372036854775807", "9223372036854775808", "-9223372036854775808", "١٢", "1_000", "0x10", "1e3", "+5", "007"),
    *("1e200000", "1E-200000", "NaN", "Infinity", "0." + "0" * 990 + "1", "9" * 1_000, "9" * 1_001, "-.5", "5."),
    *("true", "1", "0", "t", "admin", "ADMIN", "a", "abc", "abcd"),
    *("0000-01-01", "0001-01-01", "0001-01-02", "9999-12-30", "9999-12-31", "10000-01-01", "2026-02-29", "2024-02-29"),
    *("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-14:00"),
    *("0000-12-31T23:59:59Z", "10000-01-01T00:00:00Z", "2026-10-25T02:30:00.123456789+02:00", "infinity", "-infinity"),
    *("24:00:00", "23:59:60", "23:59:59.999999", "00:00"),
    *("P1Y2M3DT4H", "P1D", "-PT0.000001S", "P999999999D", "P106751991D", "P106751992D", "PT9999999999S"),
    *("1.2.3.4", "::1", "fe80::1%eth0", "::ffff:1.2.3.4", "10.0.0.0/8", "10.0.0.1/8", "::/0", "1.2.3.4/33"),
    *("08:00:2b:01:02:03", "08002B010203", "00000000000000000000000000", "7" + "Z" * 25, "8" + "Z" * 25),
    *("[1,5)", "[5,1)", "empty", "(,)", "[9223372036854775807,9223372036854775807]", '["1","2"]', "[,5]"),
    *("[0001-01-02,9999-12-31]", "[9999-12-31,)", "[1.5,1e200000)", "[2026-01-01T00:00:00Z,)"),
    *(b"", b"\xff\x00", b"0" * 16),
    *(
        [date.min],
        [date.max, None],
        ["0001-01-01"],
        [datetime.min.replace(tzinfo=UTC)],
        ["9999-12-31T23:59:59.999999Z"],
    ),
    *(date.min, date.max, datetime.max, datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)),
    datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
    *(time.max, time(1, tzinfo=UTC), timedelta.max, timedelta.min, timedelta(microseconds=-1)),
    *(Role.ADMIN, Level.TOP, Level.LOW, UUID(int=0), UUID(int=2**128 - 1), IPv4Address(0), IPv6Address("fe80::1%x")),
    *(Interval(2**31 - 1, -(2**31), 2**63 - 1), Range(empty=True), Range(2**63 - 1, None), Range(1, 5, "[]")),
    *(
        Range(date.max, None),
        Range(Decimal("1e999"), None),
        Address(street="x"),
        Point(1, 2.0),
        Point(2**70, float("nan")),
    ),
    *([], [[]], [None], ["", " "], [1, "2"], ["a", None], [1.5, "2", 3], [1e39, 0, 0], [float("nan")] * 3, ("x",)),
    *({}, {"": 0}, {"a": None}, {"a\0": 1}, {"\ud800": 1}, {1: 2}, {"lower": "1", "upper": None}, {"x": 1, "y": 2.0}),
    *({"street": "x"}, {"street": "x", "floors": ["1"]}, {"street": "x", "floors": [2**70], "price": "NaN"}),
    *({"admin": ["AAE="]}, {"admin": ["!"]}, {"nobody": []}, {"year": "2026", "month": "2", "day": "30"}),
    {"year": 9999, "month": 12, "day": 31, "hour": 23, "minute": 59},
    {"a": [1, 1.0, True, 10**400, -0.0, "\u2028"]},
    {"a": float("inf")},
    object(),
    int,
]
"""What stands at the edge of one type or another; each is sent for every field."""

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**63) - 2, 2**63 + 2)
    | st.floats()
    | st.decimals()
    | st.text()
    | st.binary()
    | st.uuids()
    | st.dates()
    | st.times()
    | st.datetimes(timezones=st.none() | st.timezones())
    | st.timedeltas()
    | st.ip_addresses()
    | st.sampled_from(EDGES)
)
TEXTS = (
    st.integers().map(str)
    | st.floats().map(repr)
    | st.decimals().map(str)
    | st.dates().map(str)
    | st.times().map(str)
    | st.datetimes(timezones=st.timezones()).map(lambda one: one.isoformat())
    | st.uuids().map(str)
    | st.ip_addresses().map(str)
    | st.tuples(st.sampled_from("[("), st.integers(), st.integers(), st.sampled_from("])")).map(
        lambda parts: "{}{},{}{}".format(*parts)
    )
)
SENT = st.recursive(
    SCALARS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
"""Whatever may be sent for a field."""

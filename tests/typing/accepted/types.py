"""Types of fields as both checkers must take them, strictly."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, assert_type
from uuid import UUID

from ectype import (
    ULID,
    CIText,
    Column,
    CustomType,
    Err,
    Field,
    Interval,
    MacAddress,
    Ok,
    Range,
    Schema,
    Vector,
    change,
    field,
    from_,
    pg_enum,
    primary_key,
    ulid,
    uuid7,
)


class Role(StrEnum):
    ADMIN = "admin"


class Slug(CustomType[str, str]):
    def __init__(self, most: int = 80) -> None:
        self.most = most

    def cast(self, value: object) -> Ok[str] | Err:
        return Ok(value.lower()) if isinstance(value, str) else Err("is no slug")

    def dump(self, value: str) -> str:
        return value

    def load(self, stored: str) -> str:
        return stored


class Cents(CustomType[Decimal, int]):
    def cast(self, value: object) -> Ok[Decimal] | Err:
        return Ok(Decimal(value)) if isinstance(value, int) else Err()

    def dump(self, value: Decimal) -> int:
        return int(value * 100)

    def load(self, stored: int) -> Decimal:
        return Decimal(stored) / 100


class Page(Schema, table="pages"):
    id: Field[UUID] = primary_key(autogenerate=uuid7)
    key: Field[str] = field(type=ULID, autogenerate=ulid)
    slug: Field[str] = field(type=Slug)
    short: Field[str | None] = field(type=Slug(20), default=None)
    noted: Field[Annotated[str, Slug]]
    email: Field[str] = field(type=CIText)
    price: Field[Decimal] = field(type=Cents, default=Decimal(0))
    role: Field[Role] = field(type=pg_enum(Role, name="role"), default=Role.ADMIN)
    device: Field[str | None] = field(type=MacAddress, default=None)
    embedding: Field[list[float]] = field(type=Vector(3), default_factory=list)
    length: Field[Interval | None] = field(default=None)
    open: Field[Range[date] | None] = field(default=None)


assert_type(Page.slug, Column[Page, str])
assert_type(Page.short, Column[Page, str | None])
assert_type(Page.price, Column[Page, Decimal])
assert_type(Page.role, Column[Page, Role])
assert_type(Page.embedding, Column[Page, list[float]])
assert_type(Page.open, Column[Page, Range[date] | None])

page = Page(key=ulid(), slug="a", noted="b", email="c")
assert_type(page.noted, str)
assert_type(page.price, Decimal)
assert_type(page.length, Interval | None)
assert_type(uuid7(), UUID)

numbers = Range(1, 5)
assert_type(numbers, Range[int])
assert_type(numbers.lower, int | None)
assert_type(3 in numbers, bool)
from_(Page).where(Page.open == Range(date(2026, 1, 1), None))
change(page).cast({"slug": "A"}, Page.slug)

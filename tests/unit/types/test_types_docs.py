"""The page on types says what is true: its examples run, and its table has the columns that DDL writes."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import IntEnum, StrEnum
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from ectype import ULID, CIText, Interval, MacAddress, Range, Vector, pg_enum
from ectype.types.resolve import field_type

PAGE = (Path(__file__).parents[3] / "docs" / "types.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    for line in PAGE.splitlines()
    if line.startswith("| ") and "PostgreSQL | SQLite" not in line
]


class Role(StrEnum):
    MEMBER = "member"


class Level(IntEnum):
    LOW = 1


@dataclass
class Point:
    x: int


KNOWN: dict[str, list[tuple[Any, dict[str, Any]]]] = {
    "`int`": [(int, {})],
    "`bool`": [(bool, {})],
    "`float`": [(float, {})],
    "`Decimal`": [(Decimal, {})],
    "`Decimal`, `field(scale=2)`": [(Decimal, {"scale": 2})],
    "`str`": [(str, {})],
    "`str`, `field(type=CIText)`": [(str, {"given": CIText})],
    "`str`, `field(type=ULID)`": [(str, {"given": ULID})],
    "`str`, `field(type=MacAddress)`": [(str, {"given": MacAddress})],
    "`bytes`": [(bytes, {})],
    "`UUID`": [(UUID, {})],
    "`datetime`": [(datetime, {})],
    "`date` · `time`": [(date, {}), (time, {})],
    "`timedelta`": [(timedelta, {})],
    "`Interval`": [(Interval, {})],
    "an enum of texts": [(Role, {})],
    "an enum of ints": [(Level, {})],
    'an enum, `field(type=pg_enum(Role, name="role"))`': [(Role, {"given": pg_enum(Role, name="role")})],
    "`IPv4Address`, `IPv6Address`, or both": [(IPv4Address, {})],
    "`IPv4Network`, `IPv6Network`, or both": [(IPv4Network, {})],
    "`Range[int]`": [(Range[int], {})],
    "`Range[Decimal]` · `Range[date]` · `Range[datetime]`": [
        (Range[Decimal], {}),
        (Range[date], {}),
        (Range[datetime], {}),
    ],
    "`list[float]`, `field(type=Vector(3))`": [(list[float], {"given": Vector(3)})],
    "`dict[str, Any]`, `list[Any]`": [(dict[str, Any], {}), (list[Any], {})],
}
WORDS = ("a list of any", "a pydantic model", "a `CustomType`")


def test_the_examples_of_the_page_run_in_order() -> None:
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
    exec(compile(code, "docs/types.md", "exec"), {"__name__": "page"})


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_the_table_has_the_column_of_each_database(row: list[str]) -> None:
    if row[0].startswith(WORDS):
        return
    found = [field_type(annotation, **options)[0].describe().columns for annotation, options in KNOWN[row[0]]]
    postgres = " · ".join(dict.fromkeys(f"`{columns['postgres']}`" for columns in found))
    sqlite = " · ".join(dict.fromkeys(f"`{columns['sqlite']}`" for columns in found))
    assert (row[1], row[2]) == (postgres, sqlite)


def test_what_the_table_says_in_words() -> None:
    assert field_type(list[int])[0].describe().columns == {"postgres": "bigint[]", "sqlite": "TEXT"}
    for annotation in (Point, dict[str, Role], list[list[int]], int | str):
        assert field_type(annotation)[0].describe().columns == {"postgres": "jsonb", "sqlite": "TEXT"}
    assert len(ROWS) == len(KNOWN) + len(WORDS)

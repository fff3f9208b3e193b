"""What the driver cannot send as it is travels as text, and every statement casts it back."""

from datetime import date
from typing import Any

import pytest

from ectype import POSTGRES, SQLITE, Field, Interval, Range, Schema, field, from_, primary_key
from ectype.errors import CastError
from ectype.sql.bulk import compile_unnest
from ectype.sql.dialect import Dialect
from ectype.sql.shapes import InsertShape, KeyedShape
from ectype.sql.writes import compile_insert, compile_keyed


class Lease(Schema, table="leases"):
    id: Field[int] = primary_key()
    length: Field[Interval]
    days: Field[Range[date] | None] = field(default=None)
    secret: Field[Range[int] | None] = field(default=None, redact=True)
    all: Field[list[Range[int]] | None] = field(default=None)


INFO: Any = Lease.__schema__


def inserted(dialect: Dialect) -> str:
    shape = InsertShape(INFO, ("length", "days", "secret", "all"), (), None, None)
    return compile_insert(shape, dialect).sql


def test_an_insert_casts_what_travels_as_text() -> None:
    assert inserted(POSTGRES) == (
        'INSERT INTO "leases" ("length", "days", "secret", "all") VALUES '
        "($1::text::interval, $2::text::daterange, $3::text::int8range, $4::text[]::int8range[])"
    )
    assert inserted(SQLITE) == 'INSERT INTO "leases" ("length", "days", "secret", "all") VALUES (?1, ?2, ?3, ?4)'


def test_an_update_casts_it_too() -> None:
    sql = compile_keyed(KeyedShape("update", INFO, ("length",), ("id",), (), None), POSTGRES).sql
    assert sql == 'UPDATE "leases" SET "length" = $1::text::interval WHERE "id" = $2'


def test_many_rows_are_cast_one_by_one() -> None:
    sql = compile_unnest(InsertShape(INFO, ("length", "all"), (), None, None), POSTGRES).sql
    assert sql == (
        'INSERT INTO "leases" ("length", "all") SELECT u.c0::interval, u.c1::int8range[] '
        "FROM unnest($1::text[], $2::text[]) AS u(c0, c1)"
    )


@pytest.mark.parametrize(
    ("query", "end"),
    [
        (from_(Lease).where(Lease.length == Interval(months=1)), "$1::text::interval"),
        (from_(Lease).where(Lease.days.in_([Range(date(2026, 1, 1))])), "ANY($1::text[]::daterange[])"),
        (from_(Lease).where(Lease.secret == Range(1, 2)), "$1::text::int8range"),
    ],
)
def test_a_condition_casts_it(query: Any, end: str) -> None:
    assert query.to_sql(POSTGRES)[0].endswith(end)


def test_a_redacted_range_is_not_shown_when_it_is_refused() -> None:
    with pytest.raises(CastError) as caught:
        from_(Lease).where(Lease.secret == Range(date(2026, 7, 7))).to_sql(POSTGRES)  # type: ignore[arg-type]
    assert "2026" not in str(caught.value)

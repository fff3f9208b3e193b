"""Ranges: what lies in them, and how two of them lie to each other. PostgreSQL computes with them, SQLite does not."""

from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ectype import CastError, Operand, Query, QueryError, Range, UnsupportedError, fn, fragment, from_, literal
from ectype.repo.loader import build
from ectype.sql.compilers import compile_select
from ectype.sql.dialect import POSTGRES
from tests.dialects.expecting import ExpectSql, Postgres, Refused
from tests.dialects.rows import LATE, LEAP
from tests.dialects.world import Booking, Post

T = TypeVar("T", int, Decimal)

BOOKINGS = from_(Booking)
IDS = BOOKINGS.select(Booking.id)
WHERE = 'SELECT "b0"."id" FROM "bookings" AS "b0" WHERE '
SEATS, PRICE, DAYS, OPEN = ('"b0"."seats"', '"b0"."price"', '"b0"."days"', '"b0"."open"')
REFUSED = Refused(UnsupportedError, "SQLite keeps ranges as text, of which it knows only whether two are equal: `")


def test_a_range_holds_a_value(expect_sql: ExpectSql):
    for condition, text, value, rows in (
        (Booking.seats.contains(4), f"{SEATS} @> CAST($1 AS bigint)", 4, [1]),
        (Booking.seats.contains(5), f"{SEATS} @> CAST($1 AS bigint)", 5, [2]),
        (Booking.price.contains(Decimal("9.5")), f"{PRICE} @> CAST($1 AS numeric)", Decimal("9.5"), [1]),
        (Booking.price.contains(Decimal(-7)), f"{PRICE} @> CAST($1 AS numeric)", Decimal(-7), [2]),
        (Booking.days.contains(date(2024, 2, 29)), f"{DAYS} @> CAST($1 AS date)", date(2024, 2, 29), [1]),
        (Booking.open.contains(LEAP), f"{OPEN} @> CAST($1 AS timestamptz)", LEAP, [1]),
        (Booking.open.contains(LATE), f"{OPEN} @> CAST($1 AS timestamptz)", LATE, []),
    ):
        expect_sql(IDS.where(condition), f"{WHERE}{text}", REFUSED, params=(value,), rows=rows)


def test_a_range_holds_the_value_of_a_column(expect_sql: ExpectSql):
    held = f'{SEATS} @> "b0"."place"'
    expect_sql(IDS.where(Booking.seats.contains(Booking.place)), f"{WHERE}{held}", REFUSED, rows=[1, 2])
    held = f'"b0"."place" <@ {SEATS}'
    expect_sql(IDS.where(Booking.place.contained_by(Booking.seats)), f"{WHERE}{held}", REFUSED, rows=[1, 2])
    expect_sql(
        IDS.where(Booking.place.contained_by(Range(4, 7, "[]"))),
        f'{WHERE}"b0"."place" <@ $1::text::int8range',
        REFUSED,
        params=('["4","8")',),
        rows=[2, 3],
    )
    expect_sql(
        from_(Post).select(Post.id).where(Post.price.contained_by(Range(Decimal(10), None))),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE "p0"."price" <@ $1::text::numrange',
        REFUSED,
        params=('["10",)',),
        rows=[2],
    )


def test_a_range_holds_and_meets_another(expect_sql: ExpectSql):
    for condition, text, value, rows in (
        (Booking.seats.contains(Range(2, 3)), f"{SEATS} @> $1::text::int8range", '["2","3")', [1]),
        (Booking.seats.contains(Range(empty=True)), f"{SEATS} @> $1::text::int8range", "empty", [1, 2, 3]),
        (Booking.seats.contained_by(Range(0, 9)), f"{SEATS} <@ $1::text::int8range", '["0","9")', [1, 3]),
        (Booking.seats.overlaps(Range(4, 6)), f"{SEATS} && $1::text::int8range", '["4","6")', [1, 2]),
        (~Booking.seats.overlaps(Range(4, 6)), f"NOT ({SEATS} && $1::text::int8range)", '["4","6")', [3]),
        (
            Booking.price.overlaps(Range(None, Decimal("9.5"), "(]")),
            f"{PRICE} && $1::text::numrange",
            '(,"9.5"]',
            [1, 2],
        ),
        (
            Booking.days.contains(Range(date(2024, 2, 1), date(2024, 2, 29), "[]")),
            f"{DAYS} @> $1::text::daterange",
            '["2024-02-01","2024-03-01")',
            [1],
        ),
    ):
        expect_sql(IDS.where(condition), f"{WHERE}{text}", REFUSED, params=(value,), rows=rows)
    itself = f"({PRICE} && {PRICE}) AND ({SEATS} <@ {SEATS})"
    both = Booking.price.overlaps(Booking.price) & Booking.seats.contained_by(Booking.seats)
    expect_sql(IDS.where(both), f"{WHERE}{itself}", REFUSED, rows=[1, 2])


def test_two_ranges_lie_side_by_side(expect_sql: ExpectSql):
    for condition, text, value, rows in (
        (fn.adjacent(Booking.seats, Range(5, 8)), f"{SEATS} -|- $1::text::int8range", '["5","8")', [1]),
        (fn.strictly_left(Booking.seats, Range(5, None)), f"{SEATS} << $1::text::int8range", '["5",)', [1]),
        (fn.strictly_right(Booking.seats, Range(None, 1)), f"{SEATS} >> $1::text::int8range", '(,"1")', [1, 2]),
        (
            fn.strictly_right(Booking.open, Range(None, LEAP)) | (Booking.id == 3),
            f'({OPEN} >> $1::text::tstzrange) OR ("b0"."id" = $2)',
            '(,"2024-02-29 12:30:00+00:00")',
            [1, 3],
        ),
    ):
        params = (value, 3) if "OR" in text else (value,)
        expect_sql(IDS.where(condition), f"{WHERE}{text}", REFUSED, params=params, rows=rows)
    expect_sql(
        BOOKINGS.select(fn.adjacent(Booking.seats, Booking.seats)).where(~fn.is_empty(Booking.seats)),
        f'SELECT {SEATS} -|- {SEATS} FROM "bookings" AS "b0" WHERE NOT isempty({SEATS})',
        REFUSED,
        rows=[False, False],
    )


def test_the_ends_of_a_range_are_values_of_their_type(expect_sql: ExpectSql):
    expect_sql(
        BOOKINGS.select(
            fn.lower(Booking.seats),
            fn.upper(Booking.seats),
            fn.is_empty(Booking.seats),
            fn.upper(Booking.price),
            fn.lower(Booking.days),
            fn.upper(Booking.open),
        ).order_by(fn.upper(Booking.seats).desc(nulls="last"), Booking.id),
        f"SELECT lower({SEATS}), upper({SEATS}), isempty({SEATS}), upper({PRICE}), CAST(lower({DAYS}) AS text), "
        f'CAST(CAST(upper({OPEN}) AS timestamptz) AS text) FROM "bookings" AS "b0" '
        f'ORDER BY upper({SEATS}) DESC NULLS LAST, "b0"."id"',
        REFUSED,
        rows=[
            (1, 5, False, Decimal(20), date(2024, 2, 1), LATE),
            (5, None, False, Decimal("9.5"), None, None),
            (None, None, True, None, None, None),
        ],
    )
    expect_sql(
        IDS.where(fn.upper(Booking.seats) - fn.lower(Booking.seats) > 3),
        f"{WHERE}(upper({SEATS}) - lower({SEATS})) > $1",
        REFUSED,
        params=(3,),
        rows=[1],
    )


def test_a_range_may_be_a_value_or_text_of_your_own(expect_sql: ExpectSql):
    expect_sql(
        IDS.where(literal(Range(3, 6)).contains(Booking.place)),
        f'{WHERE}CAST($1::text::int8range AS int8range) @> "b0"."place"',
        REFUSED,
        params=('["3","6")',),
        rows=[1, 2],
    )
    expect_sql(
        IDS.where(fragment("int8range(1, {})", Booking.place).contains(4)),
        f'{WHERE}(int8range(1, "b0"."place")) @> CAST($1 AS bigint)',
        REFUSED,
        params=(4,),
        rows=[2, 3],
    )
    with pytest.raises(CastError, match="has no ends that tell of what it is a range"):
        literal(Range[int]())
    expect_sql(
        BOOKINGS.select(literal(Range[int](), Booking.seats)).where(Booking.id == 1),
        'SELECT CAST(CAST($1::text::int8range AS int8range) AS text) FROM "bookings" AS "b0" WHERE "b0"."id" = $2',
        'SELECT CAST(?1 AS TEXT) FROM "bookings" AS "b0" WHERE "b0"."id" = ?2',
        params=("(,)", 1),
        rows=[Range[int]()],
    )


def test_ranges_are_equal_on_every_database(expect_sql: ExpectSql):
    expect_sql(
        IDS.where(Booking.seats == Range(1, 4, "[]")),
        f"{WHERE}{SEATS} = $1::text::int8range",
        f"{WHERE}{SEATS} = ?1",
        params=('["1","5")',),
        rows=[1],
    )
    expect_sql(
        IDS.where(Booking.seats > Range(1, 4)),
        f"{WHERE}{SEATS} > $1::text::int8range",
        Refused(UnsupportedError, "SQLite keeps `Booking.seats` in a form of type range of integer whose order"),
        params=('["1","4")',),
        rows=[1, 2],
    )


def test_what_does_not_lie_in_such_a_range_is_refused(expect_sql: ExpectSql):
    # The checkers refuse most of them too.
    place: Any = Booking.place
    seats: Any = Booking.seats
    price: Any = Booking.price
    days: Any = Booking.days
    for condition, error, message in (
        (seats.contains(price), QueryError, "compares a range of integer with what is of type range"),
        (price.contains(place), QueryError, "a range of decimal holds values of type decimal"),
        (seats.overlaps(place), QueryError, "with what is of type integer"),
        (seats.contained_by(place), QueryError, "with what is of type integer"),
        (fn.adjacent(seats, days), QueryError, "`fn.adjacent` is over ranges of one kind"),
        (fn.strictly_left(place, Range(1, 2)), QueryError, "`fn.strictly_left` is over ranges of one kind"),
        (fn.is_empty(place), QueryError, "`Booking.place` is of type integer"),
        (seats.contains(Decimal(1)), CastError, "expected an integer"),
        (seats.contains(Range(Decimal(1))), CastError, "expected a range of integer"),
        (days.contains(LEAP), CastError, "expected a date"),
        (seats.contains("x"), CastError, "expected a range of integer"),
        (seats.overlaps([1, 2]), CastError, "expected a range of integer"),
    ):
        expect_sql(IDS.where(condition), Refused(error, message), REFUSED)
    with pytest.raises(QueryError, match="`@>` with None is never true"):
        seats.contains(None)


def test_they_read_like_their_code():
    assert repr(Booking.seats.overlaps(Range(1, 3))) == "Booking.seats.overlaps(Range(1, 3))"
    assert repr(fn.adjacent(Booking.seats, Range(1, 3))) == "fn.adjacent(Booking.seats, Range(1, 3))"
    assert repr(fn.is_empty(Booking.seats)) == "fn.is_empty(Booking.seats)"
    held = Booking.seats.contains(4)
    assert repr(held) == "Booking.seats.contains(literal(4))"
    assert held.node is Booking.seats.contains(literal(4)).node is Booking.seats.contains(7).node


# --- the same as Python says ------------------------------------------------------------------------------------------

LOW, HIGH = -4, 4
BOUNDS: Any = st.sampled_from(["[)", "[]", "()", "(]"])


def _ranges(end: type[T]) -> st.SearchStrategy[Range[T]]:
    ends = st.integers(LOW, HIGH).map(end) | st.none()
    pairs = st.tuples(ends, ends).map(lambda pair: pair if None in pair else tuple(sorted(pair)))  # type: ignore[type-var]
    return st.builds(lambda pair, how: Range(*pair, how), pairs, BOUNDS) | st.just(Range[T](empty=True))


def _points(one: Range[Any], steps: int) -> set[int]:
    """Return which of the points of a grid lie in a range: it is fine enough to tell any two ranges apart."""
    grid = range((LOW - 2) * steps, (HIGH + 2) * steps + 1)
    return {at for at in grid if (at if steps == 1 else Decimal(at) / steps) in one}


def _expected(one: Range[Any], other: Range[Any], steps: int) -> tuple[bool, ...]:
    first, second = _points(one, steps), _points(other, steps)
    left = bool(first and second) and max(first) < min(second)
    right = bool(first and second) and max(second) < min(first)
    touching = (left and max(first) + 1 == min(second)) or (right and max(second) + 1 == min(first))
    return (first >= second, first <= second, bool(first & second), touching, left, right, not first)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), end=st.sampled_from([int, Decimal]))
def test_postgresql_says_of_two_ranges_what_python_says(postgres: Postgres | str, data: st.DataObject, end: Any):
    if isinstance(postgres, str):
        pytest.skip(postgres)
    ranges = st.lists(st.tuples(_ranges(end), _ranges(end), st.integers(LOW, HIGH)), min_size=4, max_size=4)
    column: Any = Booking.seats if end is int else Booking.price
    outputs: list[Operand[Any, bool]] = []
    wanted: list[bool] = []
    for one, other, at in data.draw(ranges):
        first, second, value = literal(one, column), literal(other, column), end(at)
        outputs += [
            first.contains(second), first.contained_by(second), first.overlaps(second), fn.adjacent(first, second),
            fn.strictly_left(first, second), fn.strictly_right(first, second), fn.is_empty(first),
            first.contains(value), first.contains(other), first.overlaps(other),
        ]  # fmt: skip
        said = _expected(one, other, 1 if end is int else 2)
        wanted += [*said, value in one, said[0], said[2]]
    query = BOOKINGS.where(Booking.id == 1).select({f"c{index}": made for index, made in enumerate(outputs)})
    found = postgres.run(*query.to_sql(POSTGRES), _loader(query))
    assert list(found[0].values()) == wanted


def _loader(query: Query[Any, Any, Any]) -> Any:
    compiled = compile_select(query.node, POSTGRES)
    return build(compiled.columns, compiled.row)

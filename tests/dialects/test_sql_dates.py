"""Moments and days: moved, subtracted, truncated and taken apart, with one result on both databases."""

import sqlite3
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ectype import QueryError, fn, from_, literal
from ectype.repo.loader import build
from ectype.sql.compilers import compile_select
from ectype.sql.dialect import POSTGRES, SQLITE
from tests.dialects.expecting import ExpectSql, Postgres, Refused, held, run_on_sqlite
from tests.dialects.rows import LATE, LEAP
from tests.dialects.world import Post

POSTS = from_(Post)
TWO = POSTS.where(Post.id < 3).order_by(Post.id)
AT = '"p0"."posted_at"'
DAY, TOOK = '"p0"."day"', '"p0"."took"'


def _end(index: int, mark: str = "$") -> str:
    return f'FROM "posts" AS "p0" WHERE "p0"."id" < {mark}{index} ORDER BY "p0"."id"'


def _months(moment: str) -> str:
    same = f"date({moment}, 'start of month', ?2 || ' months', (strftime('%d', {moment}) - 1) || ' days')"
    return f"min({same}, date({moment}, 'start of month', (?2 + 1) || ' months', '-1 day'))"


def test_a_month_ends_with_its_last_day(expect_sql: ExpectSql):
    months = held(f"{_months(AT)} || substr({AT}, 11)", AT, "?2")
    expect_sql(
        TWO.select(fn.datetime_add(Post.posted_at, 1, "month")),
        f'SELECT CAST(CAST(("p0"."posted_at" + CAST($2 AS float8) * interval \'1 month\') AS timestamptz) AS text) '
        f"{_end(1)}",
        f"SELECT {months} {_end(1, '?')}",
        params=(3, 1),
        rows=[LEAP.replace(month=3), LATE.replace(month=4, day=30)],
    )
    expect_sql(
        TWO.select(fn.date_add(Post.day, 1, "month")),
        f'SELECT CAST(CAST("p0"."day" + CAST($2 AS float8) * interval \'1 month\' AS date) AS text) {_end(1)}',
        f"SELECT {held(_months(DAY), DAY, '?2')} {_end(1, '?')}",
        params=(3, 1),
        rows=[date(2024, 3, 29), date(2024, 2, 29)],
    )


def test_the_count_may_be_negative_or_an_expression(expect_sql: ExpectSql):
    count = '(-"p0"."id")'
    back = held(f"date({AT}, {count} || ' days') || substr({AT}, 11)", AT, count)
    hours = held(f"datetime(substr({AT}, 1, 19), ?2 || ' hours') || substr({AT}, 20)", AT, "?2")
    expect_sql(
        TWO.select(fn.datetime_add(Post.posted_at, -Post.id, "day")),
        f'SELECT CAST(CAST(("p0"."posted_at" + CAST((-"p0"."id") AS float8) * interval \'1 day\') AS timestamptz) '
        f"AS text) {_end(1)}",
        f"SELECT {back} {_end(1, '?')}",
        params=(3,),
        rows=[LEAP - timedelta(days=1), LATE - timedelta(days=2)],
    )
    expect_sql(
        TWO.select(fn.datetime_add(Post.posted_at, -2, "hour")),
        f'SELECT CAST(CAST(("p0"."posted_at" + CAST($2 AS float8) * interval \'1 hour\') AS timestamptz) AS text) '
        f"{_end(1)}",
        f"SELECT {hours} {_end(1, '?')}",
        params=(3, -2),
        rows=[LEAP - timedelta(hours=2), LATE - timedelta(hours=2)],
    )


def test_a_span_is_added_and_taken_away(expect_sql: ExpectSql):
    span = timedelta(days=1, microseconds=-1)

    def moved(by: str) -> str:
        total = f"(CAST(substr({AT}, 21) AS INTEGER) + {by})"
        rest = f"(({total} % 1000000 + 1000000) % 1000000)"
        seconds = f"datetime(substr({AT}, 1, 19), (({total} - {rest}) / 1000000) || ' seconds')"
        return held(f"{seconds} || printf('.%06d', {rest})", AT, by)

    expect_sql(
        TWO.select(Post.posted_at + span),
        f'SELECT CAST(CAST(("p0"."posted_at" + $2) AS timestamptz) AS text) {_end(1)}',
        f"SELECT {moved('?2')} {_end(1, '?')}",
        params=(3, span),
        sqlite_params=(3, 86_399_999_999),
        rows=[LEAP + span, LATE + span],
    )
    expect_sql(
        TWO.select(Post.posted_at - span),
        f'SELECT CAST(CAST(("p0"."posted_at" - CAST($2 AS interval)) AS timestamptz) AS text) {_end(1)}',
        f"SELECT {moved('-(CAST(?2 AS INTEGER))')} {_end(1, '?')}",
        params=(3, span),
        sqlite_params=(3, 86_399_999_999),
        rows=[LEAP - span, LATE - span],
    )
    expect_sql(
        POSTS.select(Post.took + Post.posted_at).where(Post.id == 1),
        'SELECT CAST(CAST(("p0"."took" + "p0"."posted_at") AS timestamptz) AS text) FROM "posts" AS "p0" '
        'WHERE "p0"."id" = $1',
        f'SELECT {moved(TOOK)} FROM "posts" AS "p0" WHERE "p0"."id" = ?1',
        params=(1,),
        rows=[LEAP + timedelta(seconds=90)],
    )


def test_two_moments_are_a_span_apart(expect_sql: ExpectSql):
    at = datetime(2024, 2, 29, 12, 30, 0, 5, tzinfo=UTC)
    expect_sql(
        TWO.select(Post.posted_at - at, at - Post.posted_at),
        f'SELECT CAST(("p0"."posted_at" - $2) AS text), CAST(($3 - "p0"."posted_at") AS text) {_end(1)}',
        "SELECT (strftime('%s', substr(\"p0\".\"posted_at\", 1, 19)) - strftime('%s', substr(?2, 1, 19))) * 1000000 + "
        "substr(\"p0\".\"posted_at\", 21) - substr(?2, 21), (strftime('%s', substr(?3, 1, 19)) - strftime('%s', "
        'substr("p0"."posted_at", 1, 19))) * 1000000 + substr(?3, 21) - substr("p0"."posted_at", 21) '
        f"{_end(1, '?')}",
        params=(3, at, at),
        sqlite_params=(3, "2024-02-29 12:30:00.000005", "2024-02-29 12:30:00.000005"),
        rows=[(LEAP - at, at - LEAP), (LATE - at, at - LATE)],
    )
    expect_sql(
        POSTS.select(Post.day - Post.day).where(Post.id == 1),
        'SELECT "p0"."day" - "p0"."day" FROM "posts" AS "p0" WHERE "p0"."id" = $1',
        'SELECT CAST(julianday("p0"."day") - julianday("p0"."day") AS INTEGER) FROM "posts" AS "p0" '
        'WHERE "p0"."id" = ?1',
        params=(1,),
        rows=[0],
    )


def test_a_moved_moment_compares_as_every_other(expect_sql: ExpectSql):
    moved = held(f"date({AT}, ?1 || ' days') || substr({AT}, 11)", AT, "?1")
    expect_sql(
        POSTS.select(Post.id).where(fn.datetime_add(Post.posted_at, 1, "day") > LEAP + timedelta(1)),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE ("p0"."posted_at" + CAST($1 AS float8) * interval \'1 day\') > $2',
        f'SELECT "p0"."id" FROM "posts" AS "p0" WHERE {moved} > ?2',
        params=(1, datetime(2024, 3, 1, 12, 30, tzinfo=UTC)),
        sqlite_params=(1, "2024-03-01 12:30:00.000000"),
        rows=[2],
    )


def test_now_is_the_clock_of_the_application():
    before = datetime.now(UTC)
    values = [
        expr.params[0]
        for expr in (fn.now(), fn.ago(3, "day"), fn.from_now(1.5, "hour"), fn.ago(1, "month"), fn.ago(0.5, "week"))
    ]
    after = datetime.now(UTC)
    for value, moved in zip(values, (timedelta(0), timedelta(-3), timedelta(hours=1.5)), strict=False):
        assert before <= value - moved <= after
    assert before - timedelta(32) < values[3] < after - timedelta(27)
    assert before <= values[4] + timedelta(3.5) <= after


def test_ago_may_be_counted_by_a_column(expect_sql: ExpectSql):
    built = POSTS.select(Post.id).where(fn.ago(Post.score, "day") > fn.ago(4, "day")).order_by(Post.id)
    sql, _ = built.to_sql(POSTGRES)
    assert sql == (
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE (CAST($1 AS timestamptz) + CAST((-"p0"."score") AS float8) '
        '* interval \'1 day\') > CAST($2 AS timestamptz) ORDER BY "p0"."id"'
    )
    at = datetime(2024, 1, 1, tzinfo=UTC)
    moment, score = "CAST(?1 AS TEXT)", '"p0"."score"'
    moved = held(f"date({moment}, {score} || ' days') || substr({moment}, 11)", moment, score)
    expect_sql(
        POSTS.select(Post.id).where(fn.datetime_add(literal(at), Post.score, "day") > literal(at + timedelta(4))),
        'SELECT "p0"."id" FROM "posts" AS "p0" WHERE (CAST($1 AS timestamptz) + CAST("p0"."score" AS float8) '
        "* interval '1 day') > CAST($2 AS timestamptz)",
        f'SELECT "p0"."id" FROM "posts" AS "p0" WHERE {moved} > CAST(?2 AS TEXT)',
        params=(at, at + timedelta(4)),
        sqlite_params=("2024-01-01 00:00:00.000000", "2024-01-05 00:00:00.000000"),
        rows=[1, 3],
    )


def test_a_moment_is_truncated_in_utc(expect_sql: ExpectSql):
    expect_sql(
        TWO.select(fn.date_trunc("month", Post.posted_at), fn.date_trunc("hour", Post.posted_at)),
        "SELECT CAST(CAST(date_trunc('month', \"p0\".\"posted_at\", 'UTC') AS timestamptz) AS text), "
        f"CAST(CAST(date_trunc('hour', \"p0\".\"posted_at\", 'UTC') AS timestamptz) AS text) {_end(1)}",
        "SELECT substr(\"p0\".\"posted_at\", 1, 7) || '-01' || ' 00:00:00.000000', "
        f'substr("p0"."posted_at", 1, 13) || \':00:00.000000\' {_end(1, "?")}',
        params=(3,),
        rows=[
            (datetime(2024, 2, 1, tzinfo=UTC), datetime(2024, 2, 29, 12, tzinfo=UTC)),
            (datetime(2024, 3, 1, tzinfo=UTC), LATE),
        ],
    )
    expect_sql(
        TWO.select(fn.date_trunc("week", Post.day)),
        f'SELECT CAST(CAST(date_trunc(\'week\', CAST("p0"."day" AS timestamp)) AS date) AS text) {_end(1)}',
        f"SELECT date(\"p0\".\"day\", 'weekday 0', '-6 days') {_end(1, '?')}",
        params=(3,),
        rows=[date(2024, 2, 26), date(2024, 1, 29)],
    )


def test_a_moment_is_taken_apart(expect_sql: ExpectSql):
    utc = '"p0"."posted_at" AT TIME ZONE \'UTC\''
    expect_sql(
        TWO.select(fn.year(Post.posted_at), fn.weekday(Post.posted_at), fn.hour(Post.posted_at)),
        f"SELECT CAST(extract(year FROM {utc}) AS bigint), CAST(extract(isodow FROM {utc}) AS bigint), "
        f"CAST(extract(hour FROM {utc}) AS bigint) {_end(1)}",
        'SELECT CAST(strftime(\'%Y\', "p0"."posted_at") AS INTEGER), (strftime(\'%w\', "p0"."posted_at") + 6) % 7 '
        f'+ 1, CAST(strftime(\'%H\', "p0"."posted_at") AS INTEGER) {_end(1, "?")}',
        params=(3,),
        rows=[(2024, 4, 12), (2024, 7, 23)],
    )
    expect_sql(
        TWO.select(fn.month(Post.day), fn.day(Post.day)),
        'SELECT CAST(extract(month FROM "p0"."day") AS bigint), CAST(extract(day FROM "p0"."day") AS bigint) '
        f"{_end(1)}",
        'SELECT CAST(strftime(\'%m\', "p0"."day") AS INTEGER), CAST(strftime(\'%d\', "p0"."day") AS INTEGER) '
        f"{_end(1, '?')}",
        params=(3,),
        rows=[(2, 29), (1, 31)],
    )
    expect_sql(POSTS.select(fn.hour(Post.day)), Refused(QueryError, "`fn.hour` needs datetime or time"))
    expect_sql(POSTS.select(fn.year(Post.score)), Refused(QueryError, "`fn.year` needs date or datetime"))


def test_what_has_no_meaning_is_refused(expect_sql: ExpectSql):
    expect_sql(POSTS.select(Post.day + Post.took), Refused(QueryError, "a day and a span of time make no day"))  # type: ignore[operator]
    expect_sql(POSTS.select(fn.datetime_add(Post.score, 1, "day")), Refused(QueryError, "only a date or a datetime"))  # type: ignore[type-var]
    expect_sql(POSTS.select(fn.date_trunc("hour", Post.day)), Refused(QueryError, "to the hour needs a moment"))  # type: ignore[call-overload]
    with pytest.raises(QueryError, match="a fraction of a month has no length"):
        fn.datetime_add(Post.posted_at, 1.5, "month")
    with pytest.raises(QueryError, match="knows no unit 'fortnight'"):
        fn.datetime_add(Post.posted_at, 1, "fortnight")  # type: ignore[call-overload]
    with pytest.raises(QueryError, match="knows no unit 'hour'"):
        fn.date_add(Post.day, 1, "hour")  # type: ignore[call-overload]
    with pytest.raises(QueryError, match="a day is moved by a whole number of days"):
        fn.date_add(Post.day, 1.5, "day")  # type: ignore[call-overload]
    with pytest.raises(QueryError, match="knows no unit \"day'\\)"):
        fn.date_trunc("day')", Post.posted_at)  # type: ignore[call-overload]
    with pytest.raises(QueryError, match=r"knows no unit Post\.posted_at"):
        fn.date_trunc(Post.posted_at, "day")  # type: ignore[call-overload]
    with pytest.raises(QueryError, match="a count of units is a number or an expression, got 'x'"):
        fn.datetime_add(Post.posted_at, "x", "day")  # type: ignore[call-overload]
    with pytest.raises(QueryError, match="outside of the years 1 to 9999"):
        fn.ago(9000, "year")
    with pytest.raises(QueryError, match="no whole number of microseconds"):
        fn.datetime_add(Post.posted_at, Decimal("0.3"), "microsecond")  # type: ignore[call-overload]


def test_they_read_like_their_code():
    assert repr(fn.datetime_add(Post.posted_at, 1, "month")) == "fn.datetime_add(Post.posted_at, 1, 'month')"


# --- against Python ---------------------------------------------------------------------------------------------------

ANY_MOMENT = st.datetimes(datetime(1583, 1, 1), datetime(4000, 12, 31), timezones=st.just(UTC))
MOMENTS = ANY_MOMENT | ANY_MOMENT.map(lambda at: at.replace(day=monthrange(at.year, at.month)[1]))
"""Half of them on the last day of their month, where months differ."""
UNITS = {"week": 7 * 86_400, "day": 86_400, "hour": 3_600, "minute": 60, "second": 1}


def _expected(moment: datetime, count: int, unit: str) -> datetime:
    if unit in UNITS:
        return moment + timedelta(seconds=count * UNITS[unit])
    if unit in ("millisecond", "microsecond"):
        return moment + timedelta(microseconds=count * (1000 if unit == "millisecond" else 1))
    months = moment.year * 12 + moment.month - 1 + count * {"month": 1, "quarter": 3, "year": 12}[unit]
    year, month = divmod(months, 12)
    return moment.replace(year=year, month=month + 1, day=min(moment.day, monthrange(year, month + 1)[1]))


def _both(query: Any, sqlite: sqlite3.Connection, postgres: Postgres | str) -> list[Any]:
    found: list[Any] = []
    for dialect in (SQLITE, POSTGRES):
        compiled = compile_select(query.node, dialect)
        sql, params = query.to_sql(dialect)
        if dialect is POSTGRES and isinstance(postgres, str):
            continue
        rows = run_on_sqlite(sqlite, sql, params) if dialect is SQLITE else postgres.run(sql, params)  # type: ignore[union-attr]
        found.append((rows[0], build(compiled.columns, compiled.row)(rows)[0]))
    return found


@given(
    moment=MOMENTS,
    count=st.integers(-2000, 2000),
    unit=st.sampled_from(["month", "quarter", "year"]) | st.sampled_from([*UNITS, "millisecond", "microsecond"]),
    span=st.timedeltas(timedelta(-9999), timedelta(9999)),
)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_both_databases_move_moments_as_python_does(
    sqlite: sqlite3.Connection, postgres: Postgres | str, moment: datetime, count: int, unit: Any, span: timedelta
):
    count = max(-100, min(count, 100)) if unit in ("year", "quarter") else count
    at = literal(moment)
    query = POSTS.where(Post.id == 1).select(
        fn.datetime_add(at, Post.id * count, unit),
        at + span,
        at - span,
        (at + span) - at,
        fn.date_trunc("week", at),
        fn.date_trunc("second", at),
        fn.year(at) * 10_000 + fn.month(at) * 100 + fn.day(at),
        fn.weekday(at),
        fn.second(at),
    )
    monday = datetime.combine(moment.date() - timedelta(moment.weekday()), datetime.min.time(), UTC)
    for raw, found in _both(query, sqlite, postgres):
        assert found == (
            _expected(moment, count, unit), moment + span, moment - span, span, monday, moment.replace(microsecond=0),
            moment.year * 10_000 + moment.month * 100 + moment.day, moment.isoweekday(), moment.second,
        )  # fmt: skip
        assert not isinstance(raw[0], str) or "+" in raw[0] or len(raw[0]) == 26

"""COPY on one connection: rows of any source arrive all or not at all, and whatever goes wrong leaves it clean."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from ectype.adapters.base import Begin
from ectype.adapters.postgres_connection import PostgresConnection
from ectype.adapters.registry import adapter_for
from ectype.errors import CastError, ConstraintError, DatabaseError, DeadlineError, UnsupportedError

SECRET = "s3cr3t-canary"


@pytest.fixture
async def connection(fresh_postgres_url: str) -> AsyncIterator[PostgresConnection]:
    connection = await adapter_for(fresh_postgres_url).connect(5)
    await connection.script("CREATE TABLE notes (id bigint PRIMARY KEY, body text, score integer CHECK (score >= 0))")
    yield connection
    await connection.close()


async def value(connection: PostgresConnection, sql: str, *params: object) -> Any:
    return await connection.fetch(sql, params, lambda found: found[0][0])


def numbers(count: int) -> list[tuple[int, str, int]]:
    return [(number, f"note {number}", number) for number in range(count)]


async def awaited(rows: list[Any]) -> AsyncIterator[Any]:
    for row in rows:
        await asyncio.sleep(0)
        yield row


@pytest.mark.postgres
@pytest.mark.parametrize("count", [0, 1, 2_500])
@pytest.mark.parametrize("kind", [list, iter, awaited], ids=["list", "iterator", "async iterator"])
async def test_rows_of_any_source_are_copied_and_counted(connection, kind, count):
    assert await connection.copy_in("notes", ("id", "body", "score"), kind(numbers(count))) == count
    assert await value(connection, "SELECT count(*) FROM notes WHERE body = 'note ' || id") == count


@pytest.mark.postgres
async def test_every_value_that_a_column_stores_can_be_copied(connection):
    await connection.script(
        'CREATE SCHEMA "odd name"; CREATE TABLE "odd name"."t ""1" '
        "(n numeric, at timestamptz, u uuid, b bytea, l text[], nothing text)"
    )
    row = (Decimal("1.50"), datetime(2024, 2, 29, 12, tzinfo=UTC), UUID(int=7), b"\0\xff", ["a", None, '"'], None)
    names = ("n", "at", "u", "b", "l", "nothing")
    assert await connection.copy_in('t "1', names, [row], prefix="odd name") == 1
    assert await connection.fetch('SELECT * FROM "odd name"."t ""1"', (), lambda rows: tuple(rows[0])) == row


@pytest.mark.postgres
async def test_as_text_every_value_arrives_as_it_does_in_binary(connection):
    await connection.script(
        "CREATE TYPE mood AS ENUM ('good', 'b\\ad\t'); CREATE TABLE all_kinds "
        "(t text, n numeric, f float8, b bytea, o boolean, l text[], u uuid, at timestamptz, m mood, i interval)"
    )
    names = ("t", "n", "f", "b", "o", "l", "u", "at", "m", "i")
    at = datetime(2024, 2, 29, 12, tzinfo=UTC)
    rows = [
        (
            "a\tb\nc\r\\N",
            Decimal("-1.50"),
            0.1,
            b"\0\\",
            True,
            ["\t", None, '"'],
            UUID(int=7),
            at,
            "b\\ad\t",
            "1 mon 2 days",
        ),
        ("\\N", None, float("inf"), b"", False, [], None, None, "good", None),
        ("\\.", None, None, None, None, None, None, None, None, None),
    ]
    assert await connection.copy_in("all_kinds", names, rows, as_text=True) == 3
    found = await connection.fetch("SELECT t, n, f, b, o, l, u, at, m, i::text FROM all_kinds", (), list)
    assert [tuple(row) for row in found] == rows


def broken_source() -> Iterator[tuple[int, str, int]]:
    yield from numbers(3)
    raise LookupError("the source broke")


@pytest.mark.postgres
@pytest.mark.parametrize("inside", [False, True], ids=["alone", "in a transaction"])
@pytest.mark.parametrize(
    ("rows", "error", "says"),
    [
        ([*numbers(3), (3, "b")], CastError, "row 4 has 2 values for 3 columns"),
        ([*numbers(3), (3, 3, 3)], CastError, "row 4 cannot be copied into notes"),
        ([*numbers(3), (3, "b", 2**40)], CastError, "row 4 cannot be copied into notes"),
        ([*numbers(3), (3, "b", SECRET)], CastError, "row 4 cannot be copied into notes"),
        ([*numbers(3), (3, "b", -1)], ConstraintError, "score"),
        ([*numbers(3), (1, "b", 1)], ConstraintError, "notes_pkey"),
        (broken_source, LookupError, "the source broke"),
    ],
    ids=["too short", "wrong type", "too large", "secret", "check", "unique", "source"],
)
async def test_a_row_that_cannot_be_copied_leaves_none_and_a_clean_connection(connection, rows, error, says, inside):
    if inside:
        await connection.begin(Begin())
    with pytest.raises(error, match=says) as caught:
        await connection.copy_in("notes", ("id", "body", "score"), rows() if callable(rows) else rows)
    assert SECRET not in f"{caught.value!r} {caught.value.__cause__!r}"
    assert not connection.broken
    assert connection.in_transaction == inside
    if inside:
        await connection.rollback()
    assert await value(connection, "SELECT count(*) FROM notes") == 0


@pytest.mark.postgres
async def test_a_table_or_column_that_does_not_exist_is_a_database_error(connection):
    for table, column in (("none", "id"), ("notes", "none")):
        with pytest.raises(DatabaseError, match="does not exist"):
            await connection.copy_in(table, (column,), [(1,)])
    assert await value(connection, "SELECT 1") == 1


@pytest.mark.postgres
async def test_a_type_that_the_driver_has_no_binary_form_of_is_named_and_can_be_sent_as_text(connection):
    await connection.script("CREATE TABLE found (words tsvector)")
    with pytest.raises(UnsupportedError, match="tsvector") as caught:
        await connection.copy_in("found", ("words",), [("a b",)])
    assert "insert_all" in str(caught.value.hint)
    assert await connection.copy_in("found", ("words",), [("a b",)], as_text=True) == 1
    assert await value(connection, "SELECT words::text FROM found") == "'a' 'b'"


async def never(_rows: object = None) -> AsyncIterator[Any]:
    yield (1, "first", 1)
    await asyncio.Event().wait()


@pytest.mark.postgres
async def test_a_source_that_stalls_meets_the_deadline_and_nothing_is_copied(connection):
    with pytest.raises(DeadlineError):
        await connection.copy_in("notes", ("id", "body", "score"), never(), 0.2)
    assert not connection.broken
    assert await value(connection, "SELECT count(*) FROM notes") == 0


@pytest.mark.postgres
async def test_a_cancelled_copy_copies_nothing_and_leaves_a_clean_connection(connection):
    task = asyncio.create_task(connection.copy_in("notes", ("id", "body", "score"), never()))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not connection.broken
    assert await value(connection, "SELECT count(*) FROM notes") == 0


@pytest.mark.postgres
async def test_other_tasks_run_while_a_long_list_is_copied(connection):
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    await connection.copy_in("notes", ("id", "body", "score"), numbers(20_000))
    counting.cancel()
    assert turns > 10


async def test_sqlite_says_what_to_use_instead_of_copy(sqlite_url):
    connection = await adapter_for(sqlite_url).connect(5)
    with pytest.raises(UnsupportedError, match="SQLite") as caught:
        await connection.copy_in("notes", ("id",), [(1,)])
    assert "insert_all" in str(caught.value.hint)
    await connection.close()

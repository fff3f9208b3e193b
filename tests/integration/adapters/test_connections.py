"""What a connection promises, whatever the database: each case runs on every adapter."""

import asyncio
import gc
import random
import threading
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest

from ectype.adapters.base import Adapter, Begin, Connection
from ectype.errors import (
    CastError,
    ConnectError,
    ConstraintError,
    DatabaseError,
    DeadlineError,
    TransactionAbortedError,
)

TABLES = """
CREATE TABLE teams (id integer PRIMARY KEY, name text NOT NULL);
CREATE UNIQUE INDEX teams_name_index ON teams (name);
CREATE TABLE users (
    id integer PRIMARY KEY,
    team_id integer REFERENCES teams (id),
    email text NOT NULL,
    nick text,
    age integer CONSTRAINT adult CHECK (age >= 18)
);
CREATE UNIQUE INDEX users_team_id_email_index ON users (team_id, email);
CREATE UNIQUE INDEX users_nick_index ON users (lower(nick));
"""
COUNTING = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500000000)"
SLOW = {
    "postgres": "SELECT count(pg_sleep(0.01)) FROM generate_series(1, 2000)",
    "sqlite": f"{COUNTING} SELECT count(*) FROM n",
}
SLOW_WRITE = {
    "postgres": "INSERT INTO teams SELECT i, i::text FROM generate_series(1, 2000) AS s (i), pg_sleep(20)",
    "sqlite": f"INSERT INTO teams {COUNTING} SELECT i, 'n' || i FROM n",
}
GRACE_SECONDS = 0.25


@pytest.fixture
async def connection(adapter: Adapter) -> AsyncIterator[Connection]:
    connection = await adapter.connect(5)
    await connection.script(TABLES)
    yield connection
    await connection.close()


def p(connection_or_adapter: Any, number: int) -> str:
    """The placeholder as the compiler writes it."""
    return f"${number}" if "postgres" in type(connection_or_adapter).__module__ else f"?{number}"


async def rows(connection: Connection, sql: str, *params: object) -> list[tuple[Any, ...]]:
    return await connection.fetch(sql, params, lambda found: [tuple(row) for row in found])


async def test_fetch_returns_what_load_makes_of_the_rows(connection):
    await connection.execute("INSERT INTO teams VALUES (1, 'a'), (2, 'b')")
    sql = f"SELECT id, name FROM teams WHERE name = {p(connection, 1)} OR {p(connection, 2)} < id ORDER BY id"
    found = await connection.fetch(sql, ["a", 1], lambda found: {row[0]: row[1] for row in found})
    assert found == {1: "a", 2: "b"}


async def test_a_parameter_may_be_used_twice(connection):
    one = p(connection, 1)
    await connection.execute("INSERT INTO teams VALUES (1, 'a')")
    assert await rows(connection, f"SELECT id FROM teams WHERE name = {one} OR lower(name) = {one}", "a") == [(1,)]


async def test_an_error_of_load_reaches_the_caller_as_it_is(connection):
    def load(found: list[Any]) -> None:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        await connection.fetch("SELECT 1", (), load)
    assert await rows(connection, "SELECT 2") == [(2,)]


@pytest.mark.parametrize(
    ("sql", "count"),
    [
        ("INSERT INTO teams VALUES (3, 'c'), (4, 'd')", 2),
        ("UPDATE teams SET name = name || '!' WHERE id > 0", 2),
        ("DELETE FROM teams WHERE id = 1", 1),
        ("DELETE FROM teams WHERE id = 99", 0),
        ("INSERT INTO teams VALUES (5, 'e') RETURNING id", 1),
        ("WITH n (i) AS (VALUES (6), (7), (8)) INSERT INTO teams SELECT i, 'n' || i FROM n", 3),
        ("INSERT INTO teams VALUES (1, 'x') ON CONFLICT DO NOTHING", 0),
        ("SELECT * FROM teams", 0),
        ("CREATE TABLE other (id integer)", 0),
        ("-- nothing", 0),
    ],
)
async def test_execute_says_how_many_rows_were_written(connection, sql, count):
    await connection.execute("INSERT INTO teams VALUES (1, 'a'), (2, 'b')")
    assert await connection.execute(sql) == count


async def test_execute_many_writes_all_rows_and_counts_them(connection):
    sql = f"INSERT INTO teams VALUES ({p(connection, 1)}, {p(connection, 2)}) ON CONFLICT (name) DO NOTHING"
    assert await connection.execute_many(sql, [(1, "a"), (2, "a"), (3, "c")]) == 2
    assert await rows(connection, "SELECT id FROM teams ORDER BY id") == [(1,), (3,)]


async def test_fetch_many_returns_the_rows_of_every_statement_in_order(connection):
    sql = f"INSERT INTO teams VALUES ({p(connection, 1)}, {p(connection, 2)}) RETURNING id, name"
    batch = [(3, "c"), (1, "a"), (2, "b")]
    assert await connection.fetch_many(sql, batch, lambda found: [tuple(row) for row in found]) == batch


@pytest.mark.parametrize("inside", [False, True], ids=["outside a transaction", "inside one"])
@pytest.mark.parametrize("returning", [False, True])
async def test_a_batch_is_all_or_nothing(connection, returning, inside):
    sql = f"INSERT INTO teams VALUES ({p(connection, 1)}, {p(connection, 2)})"
    batch = [(1, "a"), (2, "b"), (3, "a")]
    if inside:
        await connection.begin(Begin())
    work = (
        connection.fetch_many(f"{sql} RETURNING id", batch, list) if returning else connection.execute_many(sql, batch)
    )
    with pytest.raises(ConstraintError):
        await work
    if inside:
        assert connection.in_transaction
        await connection.rollback()
    assert not connection.in_transaction
    assert await rows(connection, "SELECT * FROM teams") == []


async def test_a_transaction_keeps_or_forgets_all_of_it(connection):
    assert not connection.in_transaction
    await connection.begin(Begin())
    assert connection.in_transaction
    await connection.execute("INSERT INTO teams VALUES (1, 'a')")
    await connection.commit()
    assert not connection.in_transaction
    await connection.begin(Begin(isolation="serializable"))
    await connection.execute("INSERT INTO teams VALUES (2, 'b')")
    await connection.rollback()
    assert not connection.in_transaction
    assert await rows(connection, "SELECT id FROM teams") == [(1,)]


async def test_a_script_runs_in_the_transaction_that_is_open(connection):
    await connection.begin(Begin())
    await connection.script("INSERT INTO teams VALUES (1, 'a'); INSERT INTO teams VALUES (2, ';');\n-- done\n")
    assert connection.in_transaction
    await connection.rollback()
    assert await rows(connection, "SELECT * FROM teams") == []


async def test_a_script_of_comments_alone_does_nothing(connection):
    await connection.script("-- nothing to do")
    await connection.script("")


@pytest.mark.parametrize(
    ("sql", "kind", "name", "table", "columns"),
    [
        ("INSERT INTO teams VALUES (2, 'a')", "unique", "teams_name_index", "teams", ("name",)),
        (
            "INSERT INTO users VALUES (2, 1, 'e', NULL, 20)",
            "unique",
            "users_team_id_email_index",
            "users",
            ("team_id", "email"),
        ),
        ("INSERT INTO users VALUES (2, 1, NULL, NULL, 20)", "not_null", None, "users", ("email",)),
        ("INSERT INTO users (id, team_id, email, age) VALUES (2, 1, 'f', 3)", "check", "adult", None, None),
        ("INSERT INTO users VALUES (2, 99, 'f', NULL, 20)", "foreign_key", None, None, None),
        ("INSERT INTO users VALUES (2, 1, 'f', 'NICK', 20)", "unique", "users_nick_index", "users", None),
        ("INSERT INTO teams VALUES (1, 'z')", "unique", None, "teams", ("id",)),
        ("DELETE FROM teams WHERE id = 1", "foreign_key", None, None, None),
    ],
)
async def test_a_broken_constraint_says_which_one_it_was(connection, sql, kind, name, table, columns):
    await connection.execute("INSERT INTO teams VALUES (1, 'a')")
    await connection.execute("INSERT INTO users VALUES (1, 1, 'e', 'nick', 20)")
    with pytest.raises(ConstraintError) as caught:
        await connection.execute(sql)
    error = caught.value
    assert error.kind == kind
    assert error.sqlstate
    assert error.__cause__ is not None
    if name is not None:
        assert error.constraint == name
    if table is not None:
        assert error.table == table
    if columns is not None:
        assert error.columns == columns


@pytest.mark.parametrize("sql", ["SELEC 1", "SELECT nothing FROM teams", "SELECT * FROM nowhere"])
async def test_a_statement_that_the_database_refuses_is_a_database_error(connection, sql):
    with pytest.raises(DatabaseError) as caught:
        await connection.fetch(sql, (), list)
    assert caught.value.sqlstate
    assert await rows(connection, "SELECT 1") == [(1,)]


@pytest.mark.parametrize("value", [2**70, object(), "lone \ud800 surrogate"], ids=["too big", "an object", "surrogate"])
async def test_a_parameter_that_cannot_be_sent_is_named_by_its_position_and_not_shown(connection, value):
    column = "name" if isinstance(value, str) else "id"
    sql = f"SELECT 1 FROM teams WHERE name <> {p(connection, 1)} AND {column} = {p(connection, 2)}"
    with pytest.raises(CastError) as caught:
        await connection.fetch(sql, ("canary", value), list)
    assert f"{p(connection, 1)[0]}2 ({type(value).__name__})" in str(caught.value)
    assert "canary" not in str(caught.value)
    assert await rows(connection, "SELECT 1") == [(1,)]


async def test_a_wrong_number_of_parameters_is_a_database_error(connection):
    with pytest.raises(DatabaseError):
        await connection.fetch(f"SELECT {p(connection, 1)}, {p(connection, 2)}", ("a",), list)


# -- deadlines and cancellation ----------------------------------------------------------------------------------------


def slow(connection: Connection, table: dict[str, str] = SLOW) -> str:
    return table["postgres" if p(connection, 1) == "$1" else "sqlite"]


@pytest.mark.parametrize("inside", [False, True], ids=["outside a transaction", "inside one"])
async def test_a_statement_past_its_deadline_ends_in_time_and_leaves_a_usable_connection(connection, inside):
    if inside:
        await connection.begin(Begin())
    began = time.monotonic()
    with pytest.raises(DeadlineError, match="deadline"):
        await connection.fetch(slow(connection), (), list, 0.2)
    assert time.monotonic() - began < 0.2 + 10 * GRACE_SECONDS
    assert not connection.broken
    assert connection.in_transaction is inside
    if inside:
        await connection.rollback()
    assert await rows(connection, "SELECT 1") == [(1,)]


async def test_a_deadline_error_is_a_timeout_error(connection):
    with pytest.raises(TimeoutError):
        await connection.execute(slow(connection), (), 0.05)


async def test_a_cancelled_statement_has_ended_when_its_task_has(connection):
    task = asyncio.create_task(connection.fetch(slow(connection), (), list))
    await asyncio.sleep(0.1)
    began = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - began < 10 * GRACE_SECONDS
    assert not connection.broken
    assert await rows(connection, "SELECT 1") == [(1,)]


async def test_a_second_cancellation_does_not_disturb_the_clean_up_of_the_first(connection):
    task = asyncio.create_task(connection.fetch(slow(connection), (), list))
    await asyncio.sleep(0.1)
    for _ in range(5):
        task.cancel()
        await asyncio.sleep(0.001)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await rows(connection, "SELECT 1") == [(1,)]


async def test_a_cancelled_write_writes_nothing_and_lets_go_of_its_locks(connection, adapter):
    task = asyncio.create_task(connection.execute(slow(connection, SLOW_WRITE)))
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    other = await adapter.connect(5)
    try:
        assert await other.execute("INSERT INTO teams VALUES (1, '1')", (), 2) == 1
        assert await rows(other, "SELECT count(*) FROM teams") == [(1,)]
    finally:
        await other.close()


async def test_a_cancelled_write_in_a_transaction_can_only_be_rolled_back(connection):
    await connection.begin(Begin())
    await connection.execute("INSERT INTO teams VALUES (-1, 'mine')")
    with pytest.raises(DeadlineError):
        await connection.execute(slow(connection, SLOW_WRITE), (), 0.2)
    with pytest.raises(TransactionAbortedError):
        await connection.execute("INSERT INTO teams VALUES (-2, 'after')")
    assert connection.in_transaction
    with pytest.raises(TransactionAbortedError):
        await connection.commit()
    assert not connection.in_transaction
    assert await rows(connection, "SELECT * FROM teams") == []


async def test_a_begin_that_was_cancelled_leaves_no_transaction(connection):
    for delay in [0, 0, 0.0001, 0.0002, 0.0005, 0.001, 0.002] * 6:
        task = asyncio.create_task(connection.begin(Begin()))
        await asyncio.sleep(delay)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            assert not connection.in_transaction or "postgres" in type(connection).__module__
        if connection.in_transaction:
            await connection.rollback()
        assert not connection.in_transaction
    assert not connection.broken


async def test_random_cancels_never_leave_an_answer_to_the_next_statement(connection):
    """The answer that comes back is always that of the statement that was sent."""
    random.seed(7)
    sql = f"SELECT CAST({p(connection, 1)} AS text)"
    for number in range(150):
        task = asyncio.create_task(rows(connection, sql, f"n{number}"))
        await asyncio.sleep(random.choice([0, 0, 0.0001, 0.0003, 0.001]))
        task.cancel()
        with suppress(asyncio.CancelledError):
            assert await task == [(f"n{number}",)]
        assert await rows(connection, sql, f"after {number}") == [(f"after {number}",)]
    assert not connection.broken
    assert not connection.in_transaction


async def test_a_cancelled_connect_leaves_nothing_open(adapter):
    threads = threading.active_count()
    for delay in [0, 0, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.015] * 3:
        task = asyncio.create_task(adapter.connect(5))
        await asyncio.sleep(delay)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await (await task).close()
    connection = await adapter.connect(5)
    if p(connection, 1) == "$1":
        sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        async with asyncio.timeout(5):
            while await rows(connection, sql) != [(1,)]:
                await asyncio.sleep(0.01)
    await connection.close()
    async with asyncio.timeout(5):
        while threading.active_count() > threads:
            await asyncio.sleep(0.01)
    # What nobody closed is warned of here, and a warning is an error.
    gc.collect()


# -- the end of a connection -------------------------------------------------------------------------------------------


async def test_a_closed_connection_says_so(connection):
    await connection.close()
    assert connection.broken
    assert not connection.in_transaction
    with pytest.raises(ConnectError):
        await connection.fetch("SELECT 1", (), list)
    with pytest.raises(ConnectError):
        await connection.rollback()
    await connection.close()


async def test_a_terminated_connection_is_broken_at_once_even_in_a_statement(connection):
    task = asyncio.create_task(connection.fetch(slow(connection), (), list))
    await asyncio.sleep(0.1)
    connection.terminate()
    connection.terminate()
    assert connection.broken
    with pytest.raises((ConnectError, DatabaseError)):
        await asyncio.wait_for(task, 5)


async def test_reset_undoes_what_sql_text_changed_in_the_session(connection):
    await connection.script("CREATE TEMPORARY TABLE scratch (id integer)")
    if p(connection, 1) == "$1":
        change, ask = "SET search_path = pg_catalog; SET timezone = 'Asia/Tokyo'", "SHOW timezone"
    else:
        change, ask = "PRAGMA foreign_keys = OFF; PRAGMA query_only = ON", "PRAGMA foreign_keys"
    before = await rows(connection, ask)
    await connection.script(change)
    assert await rows(connection, ask) != before
    await connection.reset()
    assert await rows(connection, ask) == before
    assert await connection.execute("INSERT INTO teams VALUES (1, 'a')") == 1
    with pytest.raises(DatabaseError):
        await connection.fetch("SELECT * FROM scratch", (), list)


async def test_the_dialect_knows_the_version_once_connected(connection, adapter):
    assert adapter.dialect.version >= ((13, 0) if p(connection, 1) == "$1" else (3, 37))
    assert adapter.dialect.target in type(connection).__module__

"""What only a server can do to a connection: refuse it, freeze, kill its backend, answer COMMIT with ROLLBACK."""

import asyncio
import os
import signal
import socket
import threading
import time
import traceback
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from ectype.adapters.base import Adapter, Begin
from ectype.adapters.postgres_connection import PostgresConnection
from ectype.adapters.registry import adapter_for
from ectype.errors import (
    CastError,
    ConfigError,
    ConnectError,
    ConstraintError,
    DatabaseError,
    DeadlineError,
    TransactionAbortedError,
)

pytestmark = pytest.mark.postgres

SECRET = "s3cr3t-canary"
GRACE_SECONDS = 0.25


@pytest.fixture
def server(postgres_url: str) -> Adapter:
    return adapter_for(postgres_url)


@pytest.fixture
async def connection(server: Adapter) -> AsyncIterator[PostgresConnection]:
    connection = await server.connect(5)
    yield connection
    await connection.close()


@pytest.fixture
async def other(server: Adapter) -> AsyncIterator[PostgresConnection]:
    connection = await server.connect(5)
    yield connection
    await connection.close()


async def value(connection: PostgresConnection, sql: str, *params: object) -> Any:
    return await connection.fetch(sql, params, lambda found: found[0][0])


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Stop a backend, so that its socket stays open and nobody answers."""
    try:
        os.kill(pid, signal.SIGSTOP)
    except (PermissionError, ProcessLookupError) as exc:
        pytest.skip(f"the server's process {pid} cannot be stopped from here: {exc}")
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


# -- deadlines ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "work",
    [
        lambda connection: connection.fetch("SELECT 1", (), list, 0.3),
        lambda connection: connection.fetch("SELECT $1::int", (1,), list, 0.3),
        lambda connection: connection.execute("SELECT 1", (), 0.3),
        lambda connection: connection.execute_many("UPDATE pg_class SET relname = $1 WHERE false", [("a",)], 0.3),
        lambda connection: connection.fetch_many("SELECT $1::int", [(1,), (2,)], list, 0.3),
        lambda connection: connection.script("SELECT 1; SELECT 2", 0.3),
        lambda connection: connection.begin(Begin(), 0.3),
        lambda connection: connection.commit(0.3),
        lambda connection: connection.rollback(0.3),
        lambda connection: connection.reset(0.3),
    ],
    ids=[
        "fetch",
        "fetch $1",
        "execute",
        "execute_many",
        "fetch_many",
        "script",
        "begin",
        "commit",
        "rollback",
        "reset",
    ],
)
async def test_a_frozen_server_cannot_hold_a_call_past_its_deadline(connection, work):
    with frozen(connection.server_pid):
        began = time.monotonic()
        with pytest.raises(DeadlineError):
            await work(connection)
        # The promise is 0.3 s + GRACE_SECONDS; the ceiling is what a busy machine may add.
        assert time.monotonic() - began < 0.3 + 10 * GRACE_SECONDS
        assert connection.broken


async def test_a_frozen_server_cannot_hold_a_cancelled_task(connection):
    with frozen(connection.server_pid):
        task = asyncio.create_task(connection.fetch("SELECT 1", (), list))
        await asyncio.sleep(0.1)
        began = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert time.monotonic() - began < 10 * GRACE_SECONDS
        assert connection.broken


async def test_a_frozen_server_cannot_hold_close(connection):
    with frozen(connection.server_pid):
        began = time.monotonic()
        await connection.close(0.2)
        assert time.monotonic() - began < 0.2 + 10 * GRACE_SECONDS


async def test_a_statement_past_its_deadline_is_gone_from_the_server_too(connection, other):
    with pytest.raises(DeadlineError):
        await connection.execute("SELECT pg_sleep(30)", (), 0.1)
    sql = "SELECT state || query FROM pg_stat_activity WHERE pid = $1"
    assert "pg_sleep" not in await value(other, sql, connection.server_pid)


async def test_a_statement_timeout_of_the_server_is_a_deadline_too(connection):
    await connection.script("SET statement_timeout = 50")
    with pytest.raises(DeadlineError, match="57014") as caught:
        await connection.execute("SELECT pg_sleep(30)")
    assert "statement_timeout" in str(caught.value.hint)
    assert not connection.broken


async def test_a_statement_that_an_operator_cancels_is_no_deadline(connection, other):
    task = asyncio.create_task(connection.execute("SELECT pg_sleep(30)"))
    await asyncio.sleep(0.1)
    await value(other, "SELECT pg_cancel_backend($1)", connection.server_pid)
    with pytest.raises(DatabaseError, match="user request") as caught:
        await task
    assert caught.value.sqlstate == "57014"


async def test_a_lock_that_is_not_granted_keeps_its_sqlstate(connection, other):
    await connection.script("CREATE TABLE IF NOT EXISTS locked (id int)")
    await other.begin(Begin())
    await other.script("LOCK TABLE locked")
    await connection.script("SET lock_timeout = 20")
    with pytest.raises(DatabaseError) as caught:
        await connection.execute("INSERT INTO locked VALUES (1)")
    assert caught.value.sqlstate == "55P03"
    await other.rollback()
    await connection.script("DROP TABLE locked")


# -- lost connections --------------------------------------------------------------------------------------------------


async def test_a_killed_backend_is_a_connect_error_that_names_the_cause(connection, other):
    task = asyncio.create_task(connection.execute("SELECT pg_sleep(30)"))
    await asyncio.sleep(0.1)
    await value(other, "SELECT pg_terminate_backend($1)", connection.server_pid)
    with pytest.raises(ConnectError, match="57P01") as caught:
        await task
    assert isinstance(caught.value.__cause__, (asyncpg.PostgresError, asyncpg.InterfaceError))
    assert connection.broken
    assert not connection.in_transaction


async def test_a_backend_killed_while_idle_is_noticed_without_a_statement(connection, other):
    await value(other, "SELECT pg_terminate_backend($1)", connection.server_pid)
    async with asyncio.timeout(5):
        while not connection.broken:
            await asyncio.sleep(0.01)
    with pytest.raises(ConnectError):
        await connection.fetch("SELECT 1", (), list)


async def test_an_idle_transaction_that_the_server_ends_is_a_connect_error(connection):
    await connection.script("SET idle_in_transaction_session_timeout = 50")
    await connection.begin(Begin())
    await asyncio.sleep(0.3)
    with pytest.raises(ConnectError):
        await connection.execute("SELECT 1")
    assert connection.broken


async def test_two_tasks_on_one_connection_are_told_so(connection):
    first = asyncio.create_task(connection.execute("SELECT pg_sleep(0.3)"))
    await asyncio.sleep(0.05)
    with pytest.raises(DatabaseError, match="two tasks"):
        await connection.execute("SELECT 1")
    await first
    assert not connection.broken


# -- transactions ------------------------------------------------------------------------------------------------------


async def test_a_commit_after_a_swallowed_error_raises_and_ends_the_transaction(connection):
    await connection.script("CREATE TEMPORARY TABLE notes (id int)")
    await connection.begin(Begin())
    await connection.execute("INSERT INTO notes VALUES (1)")
    with suppress(DatabaseError):
        await connection.execute("SELECT 1 / 0")
    assert connection.in_transaction
    with pytest.raises(TransactionAbortedError, match="rolled back"):
        await connection.execute("INSERT INTO notes VALUES (2)")
    with pytest.raises(TransactionAbortedError, match="nothing was saved"):
        await connection.commit()
    assert not connection.in_transaction
    assert await value(connection, "SELECT count(*) FROM notes") == 0


@pytest.mark.parametrize(
    ("how", "isolation", "read_only", "deferrable"),
    [
        (Begin(), "read committed", "off", "off"),
        (Begin(isolation="repeatable read"), "repeatable read", "off", "off"),
        (Begin(isolation="serializable", read_only=True, deferrable=True), "serializable", "on", "on"),
    ],
)
async def test_a_transaction_begins_as_it_was_asked_to(connection, how, isolation, read_only, deferrable):
    await connection.begin(how)
    for name, expected in (("isolation", isolation), ("read_only", read_only), ("deferrable", deferrable)):
        assert await value(connection, f"SHOW transaction_{name}") == expected
    await connection.rollback()


async def test_a_deferred_constraint_raises_at_commit_as_a_constraint_error(connection):
    await connection.script(
        "CREATE TEMPORARY TABLE a (id int PRIMARY KEY);"
        "CREATE TEMPORARY TABLE b (a_id int CONSTRAINT b_a REFERENCES a DEFERRABLE INITIALLY DEFERRED)"
    )
    await connection.begin(Begin())
    await connection.execute("INSERT INTO b VALUES (1)")
    with pytest.raises(ConstraintError) as caught:
        await connection.commit()
    assert (caught.value.kind, caught.value.constraint, caught.value.columns) == ("foreign_key", "b_a", ("a_id",))
    assert not connection.in_transaction


async def test_a_statement_whose_table_changed_is_prepared_anew_outside_a_transaction(connection, other):
    await other.script("CREATE TABLE IF NOT EXISTS changing (a int)")
    try:
        sql = "SELECT * FROM changing WHERE $1"
        await connection.fetch(sql, (True,), list)
        await other.script("ALTER TABLE changing ADD COLUMN b text")
        assert await connection.fetch(sql, (True,), list) == []
        await connection.begin(Begin())
        await other.script("ALTER TABLE changing ADD COLUMN c text")
        with pytest.raises(DatabaseError, match="cached") as caught:
            await connection.fetch(sql, (True,), list)
        assert caught.value.sqlstate == "0A000"
        await connection.rollback()
        assert await connection.fetch(sql, (True,), list) == []
    finally:
        await other.script("DROP TABLE changing")


async def test_a_connection_starts_in_utc_with_iso_dates_and_says_who_it_is(connection):
    for name, expected in (("timezone", "UTC"), ("datestyle", "ISO, MDY"), ("application_name", "ectype")):
        assert await value(connection, f"SHOW {name}") == expected


@pytest.mark.parametrize("option", ["application_name=depot", "options=-c%20application_name=depot"])
async def test_options_of_the_url_reach_the_server(postgres_url, option):
    joined = f"{postgres_url}{'&' if '?' in postgres_url else '?'}{option}"
    connection = await adapter_for(joined).connect(5)
    try:
        assert await value(connection, "SHOW application_name") == ("depot" if option[0] == "a" else "ectype")
    finally:
        await connection.close()


async def test_without_a_statement_cache_nothing_is_left_prepared(postgres_url):
    joined = f"{postgres_url}{'&' if '?' in postgres_url else '?'}statement_cache_size=0"
    connection = await adapter_for(joined).connect(5)
    try:
        for number in range(3):
            assert await value(connection, "SELECT $1::int", number) == number
        assert await value(connection, "SELECT count(*) FROM pg_prepared_statements") <= 1
    finally:
        await connection.close()


async def test_reset_lets_go_of_advisory_locks_roles_and_sequences_state(connection, other):
    await connection.script("SELECT pg_advisory_lock(77); SET ROLE pg_monitor; LISTEN news")
    await connection.reset()
    assert await value(other, "SELECT pg_try_advisory_lock(77)")
    assert await value(connection, "SELECT current_user = session_user")
    assert await value(connection, "SELECT count(*) FROM pg_listening_channels()") == 0
    assert await value(connection, "SHOW timezone") == "UTC"


# -- values in messages ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "param"),
    [
        ("INSERT INTO secrets VALUES ($1)", SECRET),
        ("INSERT INTO secrets VALUES ($1, 'a')", f"{SECRET}2"),
        ("INSERT INTO secrets (b, c) VALUES ($1, NULL)", f"{SECRET}3"),
        ("SELECT $1::int", SECRET),
        ("SELECT $1::int[]", [1, SECRET]),
        ("SELECT ('[' || $1)::json", SECRET),
    ],
    ids=["unique", "check", "not null", "argument", "array argument", "json"],
)
async def test_no_error_shows_a_value_not_even_its_cause(connection, sql, param):
    await connection.script(
        "CREATE TEMPORARY TABLE secrets (a text UNIQUE, b text CHECK (b = 'x'), c text NOT NULL DEFAULT '')"
    )
    await connection.execute("INSERT INTO secrets VALUES ($1)", (SECRET,))
    with pytest.raises((DatabaseError, CastError)) as caught:
        await connection.fetch(sql, (param,), list)
    assert SECRET not in "".join(traceback.format_exception_only(caught.value))
    assert caught.value.__cause__ is not None
    assert SECRET not in str(caught.value.__cause__)


@pytest.mark.parametrize("many", [False, True], ids=["one", "a list"])
async def test_a_moment_for_a_column_without_a_time_zone_says_what_is_wrong_and_the_fix(connection, many):
    """B3 row 76."""
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    with pytest.raises(
        CastError, match=r"parameter \$1 \((datetime|list)\) .* is `timestamp`, without a time zone"
    ) as caught:
        await connection.fetch(f"SELECT $1::timestamp{'[]' if many else ''}", ([moment] if many else moment,), list)
    assert "TYPE timestamptz USING at AT TIME ZONE 'UTC'" in str(caught.value.hint)
    assert "2026" not in str(caught.value) + str(caught.value.__cause__)
    assert await connection.fetch("SELECT 1", (), lambda rows: rows[0][0]) == 1


async def test_a_value_that_python_cannot_hold_is_a_cast_error_and_the_connection_goes_on(connection):
    with pytest.raises(CastError, match="year 20000"):
        await connection.fetch("SELECT date '20000-01-01'", (), list)
    assert await value(connection, "SELECT 1") == 1


# -- connecting --------------------------------------------------------------------------------------------------------


async def refusal(url: str, seconds: float = 5) -> ConnectError:
    with pytest.raises(ConnectError) as caught:
        await adapter_for(url).connect(seconds)
    assert SECRET not in str(caught.value)
    return caught.value


async def test_nobody_at_that_address_is_a_connect_error_with_the_fix(monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    error = await refusal(f"postgresql://ada:{SECRET}@127.0.0.1:{port}/blog")
    assert f"ada:***@127.0.0.1:{port}/blog" in error.message
    assert "is the server running there?" in str(error.hint)


async def test_a_database_that_does_not_exist_says_how_to_create_it(postgres_url):
    parts = urlsplit(postgres_url)
    error = await refusal(urlunsplit(parts._replace(path="/no_such_database")))
    assert "3D000" in error.message
    assert "ectype create" in str(error.hint)
    assert "createdb no_such_database" in str(error.hint)


async def test_a_user_that_does_not_exist_is_refused_without_the_password(postgres_url):
    parts = urlsplit(postgres_url)
    location = parts.netloc.rpartition("@")[2]
    error = await refusal(urlunsplit(parts._replace(netloc=f"nobody_here:{SECRET}@{location}")))
    assert "SQLSTATE 28" in error.message


async def test_a_server_that_never_answers_is_a_connect_error_in_time():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        began = time.monotonic()
        error = await refusal(f"postgresql://ada@127.0.0.1:{silent.getsockname()[1]}/blog?connect_timeout=60", 0.2)
        assert time.monotonic() - began < 0.2 + 10 * GRACE_SECONDS
    assert "no answer within 0.2 s" in error.message


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00" * 64])
async def test_something_else_than_postgres_behind_the_port_is_a_connect_error(answer):
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()

        def talk() -> None:
            for _ in range(2):
                with suppress(OSError):
                    client, _ = stranger.accept()
                    client.recv(1024)
                    client.sendall(answer)
                    client.close()

        threading.Thread(target=talk, daemon=True).start()
        await refusal(f"postgresql://ada:{SECRET}@127.0.0.1:{stranger.getsockname()[1]}/blog", 2)


async def test_a_certificate_that_does_not_exist_is_a_config_error(tmp_path):
    url = f"postgresql://127.0.0.1:1/blog?sslmode=verify-full&sslrootcert={tmp_path / 'none.pem'}"
    with pytest.raises((ConfigError, ConnectError), match=r"none\.pem"):
        await adapter_for(url).connect(2)

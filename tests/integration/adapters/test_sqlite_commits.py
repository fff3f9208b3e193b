"""Commits of SQLite: which are done in the event loop's own thread, and that none of them waits for the disk there."""

import asyncio
import itertools
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ectype import DatabaseError, DeadlineError
from ectype.adapters import sqlite_brief
from ectype.adapters.base import Begin
from ectype.adapters.registry import adapter_for
from ectype.adapters.sqlite import SqliteConnection
from ectype.adapters.sqlite_commits import LONGEST_VALUE, ROWS, ROWS_AT_ONCE

TABLES = "CREATE TABLE notes (id integer PRIMARY KEY, body text NOT NULL) STRICT"
INSERT = "INSERT INTO notes (body) VALUES (?1) RETURNING id"
RUNS = 20
"""More than a statement must have been brief on its thread, on a machine with other work."""
PAGE = 4_096
WRITING = Begin()
READING = Begin(read_only=True)


async def opened(url: str, pool: int = 1) -> list[SqliteConnection]:
    """Return connections of one adapter, the table made, and the insert known to be brief."""
    adapter = adapter_for(url)
    found = [await adapter.connect(5) for _ in range(pool)]
    await found[0].script(TABLES)
    for _ in range(RUNS):
        await found[0].fetch(INSERT, ("known",), list)
    return found


@pytest.fixture(autouse=True)
def _calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no statement be a long one, or a stall of the disk, since a machine with other work holds it up."""
    for name in ("BRIEF_SECONDS", "BROKEN_OFF_SECONDS", "STALLED_SECONDS"):
        monkeypatch.setattr(sqlite_brief, name, 1.0)


@pytest.fixture
async def connection(sqlite_url: str) -> AsyncIterator[SqliteConnection]:
    [connection] = await opened(sqlite_url)
    yield connection
    await connection.close()


@contextmanager
def traced(connection: SqliteConnection) -> Iterator[list[tuple[str, str]]]:
    """Note the statements that SQLite runs, and on which thread: `loop` or `own`."""
    seen: list[tuple[str, str]] = []

    def note(sql: str) -> None:
        seen.append(("loop" if threading.current_thread() is threading.main_thread() else "own", sql))

    raw = connection._worker.raw
    raw.set_trace_callback(note)
    try:
        yield seen
    finally:
        raw.set_trace_callback(None)


def of(seen: list[tuple[str, str]], sql: str) -> list[str]:
    """Return the threads of the statements that begin so."""
    return [thread for thread, text in seen if text.startswith(sql)]


def wal(connection: SqliteConnection) -> Path:
    return Path(f"{connection._worker.raw.execute('PRAGMA database_list').fetchone()[2]}-wal")


async def write(connection: SqliteConnection, rows: int) -> None:
    await connection.begin(WRITING)
    for _ in range(rows):
        await connection.fetch(INSERT, ("in a transaction",), list)
    await connection.commit()


async def rows_of(connection: SqliteConnection) -> int:
    return (await connection.fetch("SELECT count(*) FROM notes", (), list))[0][0]


# -- which -----------------------------------------------------------------------------------------------------------


async def test_a_transaction_of_few_rows_is_committed_here(connection):
    with traced(connection) as seen:
        for _ in range(10):
            await write(connection, 2)
    assert of(seen, "COMMIT").count("loop") >= 8
    assert await rows_of(connection) == RUNS + 20


async def test_a_transaction_that_only_reads_is_ended_here(connection):
    with traced(connection) as seen:
        for _ in range(10):
            await connection.begin(READING)
            await connection.fetch("SELECT 1", (), list)
            await connection.commit()
    assert of(seen, "COMMIT").count("loop") >= 8


async def test_a_transaction_of_many_rows_is_committed_on_the_thread(connection):
    with traced(connection) as seen:
        await write(connection, ROWS_AT_ONCE)
        await write(connection, 300)
    assert of(seen, "COMMIT") == ["own", "own"]


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE notes SET body = 'x' WHERE body <> ?1",
        "WITH one AS (SELECT ?1 AS body) INSERT INTO notes (body) SELECT body FROM one",
        "CREATE TABLE other AS SELECT ?1 AS body",
    ],
)
async def test_a_transaction_with_a_write_that_is_not_of_one_row_is_committed_on_the_thread(connection, sql):
    with traced(connection) as seen:
        for _ in range(4):
            await connection.begin(WRITING)
            await connection.execute("DROP TABLE IF EXISTS other")
            await connection.rollback()
            await connection.begin(WRITING)
            await connection.execute(sql, ("y",))
            await connection.commit()
            await connection.execute("DROP TABLE IF EXISTS other")
    assert of(seen, "COMMIT") == ["own"] * 4


async def test_so_is_one_that_runs_a_script_or_a_batch_or_opens_a_cursor(connection):
    async def a_script() -> None:
        await connection.script("INSERT INTO notes (body) VALUES ('a'); INSERT INTO notes (body) VALUES ('b')")

    async def a_batch() -> None:
        await connection.execute_many("INSERT INTO notes (body) VALUES (?1)", [("a",), ("b",)])

    async def a_cursor() -> None:
        cursor = await connection.cursor(INSERT, ("c",), 10, "alone")
        await cursor.close()

    for run in (a_script, a_batch, a_cursor):
        with traced(connection) as seen:
            for _ in range(3):
                await connection.begin(WRITING)
                await run()
                await connection.commit()
        assert of(seen, "COMMIT") == ["own"] * 3


async def test_a_transaction_that_began_to_read_and_wrote_is_committed_on_the_thread(connection):
    with traced(connection) as seen:
        for _ in range(3):
            await connection.begin(Begin(deferred=True))
            await connection.fetch(INSERT, ("later",), list)
            await connection.commit()
    assert of(seen, "COMMIT") == ["own"] * 3


@pytest.mark.parametrize("value", ["x" * (LONGEST_VALUE + 1), "ö" * (LONGEST_VALUE + 1)], ids=["ascii", "utf-8"])
async def test_a_long_value_is_written_on_the_thread(connection, value):
    with traced(connection) as seen:
        for _ in range(3):
            await connection.fetch(INSERT, (value,), list)
    assert of(seen, "INSERT") == ["own"] * 3
    with traced(connection) as seen:
        await connection.begin(WRITING)
        await connection.fetch(INSERT, (value,), list)
        await connection.commit()
    assert (of(seen, "INSERT"), of(seen, "COMMIT")) == (["own"], ["own"])


@pytest.mark.parametrize(
    ("options", "here"),
    [("", True), ("?synchronous=off", True), ("?synchronous=full", False), ("?synchronous=extra", False)],
)
async def test_only_commits_that_wait_for_no_disk_leave_the_thread(sqlite_url: str, options: str, here: bool):
    [connection] = await opened(f"{sqlite_url}{options}")
    with traced(connection) as seen:
        for _ in range(10):
            await connection.fetch(INSERT, ("one",), list)
            await write(connection, 1)
    assert ("loop" in of(seen, "COMMIT")) is here
    assert await rows_of(connection) == RUNS + 20
    await connection.close()


async def test_a_database_in_memory_has_no_disk_to_wait_for():
    [connection] = await opened("sqlite:///:memory:?synchronous=full")
    with traced(connection) as seen:
        for _ in range(10):
            await write(connection, 1)
    assert "loop" in of(seen, "COMMIT")
    await connection.close()


# -- the WAL ---------------------------------------------------------------------------------------------------------


async def test_the_wal_is_never_brought_into_the_file_here_and_soon_on_the_thread(connection):
    # A little less than a thousand pages, after which SQLite would.
    await connection.begin(WRITING)
    for _ in range(225):
        await connection.execute(INSERT, ("x" * 4 * PAGE,))
    await connection.commit()
    await connection.fetch(INSERT, ("the next on the thread",), list)
    assert wal(connection).stat().st_size < 1_000 * PAGE
    file = wal(connection).with_name(wal(connection).name.removesuffix("-wal"))
    before = file.stat().st_size
    with traced(connection) as seen:
        for _ in range(ROWS // 2):
            await connection.fetch(INSERT, ("x" * LONGEST_VALUE,), list)
    assert of(seen, "INSERT") == ["loop"] * (ROWS // 2)
    assert wal(connection).stat().st_size > 1_050 * PAGE
    assert file.stat().st_size == before
    for _ in range(ROWS):
        await connection.fetch(INSERT, ("x",), list)
    assert file.stat().st_size > before


async def test_the_wal_stays_short_however_much_is_written_here(connection):
    for _ in range(8 * ROWS):
        await connection.fetch(INSERT, ("x" * 1_000,), list)
    for _ in range(ROWS // 4):
        await write(connection, ROWS_AT_ONCE // 2)
    # A row of these changes two pages.
    assert wal(connection).stat().st_size < (1_000 + 3 * ROWS) * PAGE


async def test_after_a_commit_on_the_thread_the_next_one_is_there_too_since_it_may_begin_the_wal_anew(connection):
    found: list[list[str]] = []
    for _ in range(10):
        with traced(connection) as seen:
            await connection.execute("UPDATE notes SET body = 'x' WHERE id < 3")
            for _ in range(3):
                await connection.fetch(INSERT, ("here",), list)
        found.append(of(seen, "INSERT"))
    assert {first for first, *_more in found} == {"own"}
    assert ["own", "loop", "loop"] in found


async def test_so_is_the_one_after_a_commit_that_had_its_thread(connection):
    for _ in range(5):
        with traced(connection) as seen:
            await write(connection, ROWS_AT_ONCE)
            await connection.fetch(INSERT, ("after it",), list)
        assert (of(seen, "COMMIT"), of(seen, "INSERT")[-1]) == (["own"], "own")
        await write(connection, 1)


async def test_after_some_hundred_rows_two_commits_are_on_the_thread(connection):
    with traced(connection) as seen:
        for _ in range(5 * ROWS):
            await connection.fetch(INSERT, ("one by one",), list)
    turns = [(thread, len(list(those))) for thread, those in itertools.groupby(of(seen, "INSERT"))]
    assert len([count for thread, count in turns if thread == "own"]) >= 4
    assert min(count for thread, count in turns if thread == "own") == 2
    with traced(connection) as seen:
        for _ in range(100):
            await write(connection, ROWS_AT_ONCE // 2)
    assert of(seen, "COMMIT").count("own") >= 3


async def test_how_long_the_wal_may_be_stays_what_the_user_said(connection):
    await connection.query("PRAGMA wal_autocheckpoint = 77", (), lambda *_found: None)
    for _ in range(10):
        await connection.fetch(INSERT, ("here",), list)
    assert await connection.fetch("PRAGMA wal_autocheckpoint", (), list) == [(77,)]


# -- others ----------------------------------------------------------------------------------------------------------


async def test_a_write_here_is_not_ahead_of_those_that_wait_for_their_turn(sqlite_url: str):
    first, second, third = await opened(sqlite_url, pool=3)
    for one in (second, third):
        for _ in range(RUNS):
            await one.fetch(INSERT, ("known",), list)
    await first.begin(WRITING)
    order: list[str] = []

    async def update() -> None:
        await second.fetch("UPDATE notes SET body = 'x'", (), lambda _rows: order.append("second"))

    waiting = asyncio.create_task(update())
    await asyncio.sleep(0.02)
    assert not order
    await first.fetch(INSERT, ("first",), lambda _rows: order.append("first"))
    await first.commit()
    # The second has the turn, and not yet the lock of SQLite.
    await third.fetch(INSERT, ("third",), lambda _rows: order.append("third"))
    await waiting
    assert order == ["first", "second", "third"]
    for one in (first, second, third):
        await one.close()


async def test_a_writer_of_another_program_is_waited_for(sqlite_url: str):
    [connection] = await opened(sqlite_url)
    path = connection._worker.raw.execute("PRAGMA database_list").fetchone()[2]
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    inserting = asyncio.create_task(connection.fetch(INSERT, ("waits",), list))
    await asyncio.sleep(0.05)
    assert not inserting.done()
    other.execute("COMMIT")
    await inserting
    assert other.execute("SELECT count(*) FROM notes WHERE body = 'waits'").fetchone() == (1,)
    other.close()
    await connection.close()


async def test_no_time_left_is_told_and_nothing_is_written(connection):
    with pytest.raises(DeadlineError):
        await connection.fetch(INSERT, ("late",), list, timeout=0)
    assert await rows_of(connection) == RUNS


async def test_a_task_that_writes_and_writes_can_be_cancelled_and_what_it_wrote_is_kept(connection):
    done = 0

    async def for_ever() -> None:
        nonlocal done
        while True:
            await connection.fetch(INSERT, ("one more",), list)
            done += 1

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(for_ever(), 0.05)
    # The last one may have been on the thread, and done when its caller went away.
    assert done <= await rows_of(connection) - RUNS <= done + 1


async def test_a_commit_that_is_refused_leaves_the_transaction_open_and_says_why(connection):
    await connection.script(
        "CREATE TABLE parents (id integer PRIMARY KEY);"
        "CREATE TABLE children (parent_id int REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)"
    )
    insert = "INSERT INTO children (parent_id) VALUES (?1)"
    for _ in range(RUNS):
        await connection.begin(WRITING)
        await connection.execute(insert, (None,))
        await connection.commit()
    await connection.begin(WRITING)
    await connection.execute(insert, (1,))
    with pytest.raises(DatabaseError, match="FOREIGN KEY"):
        await connection.commit()
    assert connection.in_transaction
    await connection.rollback()
    assert await connection.fetch("SELECT count(*) FROM children WHERE parent_id = 1", (), list) == [(0,)]


UNREADABLE = "INSERT INTO notes (body) VALUES (CAST(?1 AS text)) RETURNING body"


@pytest.mark.parametrize("nested", [True, False])
async def test_a_row_that_cannot_be_read_back_is_written_once_as_on_the_thread(connection, nested: bool):
    async def insert(body: bytes) -> Any:
        if nested:
            await connection.begin(WRITING)
        try:
            return await connection.fetch(UNREADABLE, (body,), list)
        finally:
            if nested:
                await connection.commit()

    for _ in range(RUNS):
        await insert(b"good")
    threads: list[str] = []
    tries = 0
    while "loop" not in threads and tries < 100:
        tries += 1
        with traced(connection) as seen, pytest.raises(DatabaseError, match="UTF-8"):
            await insert(b"\xff")
        threads += of(seen, "INSERT")
        await insert(b"good")
    assert "loop" in threads
    found = await connection.fetch("SELECT count(*) FROM notes WHERE body = CAST(x'ff' AS text)", (), list)
    assert found == [(tries,)]

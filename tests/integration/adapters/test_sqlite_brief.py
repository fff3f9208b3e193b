"""Brief statements of SQLite: which run in the event loop's own thread, and that they hold up nobody there."""

import asyncio
import itertools
import sqlite3
import statistics
import threading
import time
from collections.abc import AsyncIterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from ectype import DatabaseError, DeadlineError, Field, Repo, Schema, change, from_, primary_key
from ectype.adapters import sqlite_brief
from ectype.adapters.base import Begin
from ectype.adapters.registry import adapter_for
from ectype.adapters.sqlite import SqliteConnection
from ectype.adapters.sqlite_bounded import bounded
from ectype.adapters.sqlite_brief import BRIEF_SECONDS
from ectype.errors import ConnectError, ConstraintError, TransactionAbortedError

TABLES = """
    CREATE TABLE shelves (id integer PRIMARY KEY, name text NOT NULL UNIQUE, places int CHECK (places > 0)) STRICT;
    CREATE TABLE books (
        id integer PRIMARY KEY AUTOINCREMENT, shelf_id int NOT NULL REFERENCES shelves (id), title text, pages int
    ) STRICT;
    CREATE INDEX books_shelf ON books (shelf_id);
    CREATE TABLE keyed (one text, two int, held text, PRIMARY KEY (one, two)) WITHOUT ROWID;
    CREATE TABLE counted (id integer PRIMARY KEY, held text);
    CREATE TABLE log (id integer PRIMARY KEY, held text);
    CREATE TRIGGER counts AFTER INSERT ON counted BEGIN UPDATE log SET held = NEW.held; END;
    CREATE TABLE owners (id integer PRIMARY KEY, held text);
    CREATE TABLE owned (id integer PRIMARY KEY, owner_id int REFERENCES owners (id) ON DELETE CASCADE);
"""
READ = "SELECT id, name FROM shelves WHERE id = ?1"
INSERT = "INSERT INTO shelves (name, places) VALUES (?1, ?2) RETURNING id"
SUM = "SELECT sum(pages) FROM books WHERE id < ?1"
WRITING = Begin()
RUNS = 6
"""More than a statement must have been brief on its thread."""


@pytest.fixture
async def connection(sqlite_url: str) -> AsyncIterator[SqliteConnection]:
    connection = await adapter_for(sqlite_url).connect(5)
    await connection.script(TABLES)
    await connection.execute("INSERT INTO shelves (name, places) VALUES ('first', 1)")
    yield connection
    await connection.close()


async def where(connection: SqliteConnection, sql: str, params: Any) -> str:
    """Run a statement, and tell on which thread its rows were loaded: `loop` or `own`."""
    thread = await connection.fetch(sql, params, lambda _rows: threading.current_thread())
    return "loop" if thread is threading.main_thread() else "own"


def filled_in(params: tuple[Any, ...], run: int) -> list[Any]:
    """Return the parameters of one of many runs: `{n}` in a text stands for its number."""
    return [one.format(n=run) if isinstance(one, str) else one for one in params]


async def all_where(connection: SqliteConnection, sql: str, *params: Any) -> list[str]:
    """Run a statement more often than it must have been brief, and tell where each time."""
    return [await where(connection, sql, filled_in(params, run)) for run in range(RUNS)]


async def comes_here(connection: SqliteConnection, sql: str, *params: Any) -> bool:
    """Whether a statement comes to run in the event loop's thread; a busy machine makes it long now and then."""
    for run in range(100):
        if await where(connection, sql, filled_in(params, 1_000 + run)) == "loop":
            return True
    return False


# -- what runs where -------------------------------------------------------------------------------------------------


async def test_a_read_that_was_brief_three_times_needs_no_thread_any_more(connection):
    assert (await all_where(connection, READ, 1))[:3] == ["own"] * 3
    assert await comes_here(connection, READ, 1)
    assert await connection.fetch(READ, (1,), list) == [(1, "first")]


async def test_a_statement_of_the_users_is_no_different(connection):
    threads: set[int] = set()
    for _ in range(100):
        found = await connection.query(READ, (1,), lambda *answer: (*answer, threads.add(threading.get_ident())))
        assert found == (("id", "name"), [(1, "first")], 1, None)
    assert len(threads) == 2


A_ROW = [
    (INSERT, ("shelf {n}", 3)),
    ("INSERT INTO books (shelf_id, title) VALUES (?1, ?2) RETURNING id", (1, "b")),
    ("UPDATE shelves SET places = ?1 WHERE id = ?2 RETURNING id", (4, 1)),
    ("UPDATE shelves SET places = places + ?1 WHERE id = ?2 RETURNING id", (4, 1)),
    ("INSERT INTO keyed VALUES (?1, ?2, 'x') RETURNING one", ("k{n}", 1)),
    ("DELETE FROM books WHERE id = ?1 RETURNING id", (1,)),
]


@pytest.mark.parametrize(("sql", "params"), A_ROW)
async def test_a_write_of_one_row_in_a_transaction_needs_no_thread_either(connection, sql, params):
    await connection.begin(WRITING)
    assert (await all_where(connection, sql, *params))[:3] == ["own"] * 3
    assert await comes_here(connection, sql, *params)
    await connection.commit()


@pytest.mark.parametrize(("sql", "params"), A_ROW)
async def test_a_write_of_one_row_by_itself_is_committed_here_too(connection, sql, params):
    assert (await all_where(connection, sql, *params))[:3] == ["own"] * 3
    assert await comes_here(connection, sql, *params)
    assert not connection.in_transaction


@pytest.mark.parametrize(
    ("sql", "params"),
    [
        ("UPDATE books SET pages = 1 WHERE pages > ?1 RETURNING id", (7,)),
        ("UPDATE shelves SET places = 1 WHERE id IN (?1, ?2) RETURNING id", (1, 2)),
        ("INSERT INTO books (shelf_id) SELECT id FROM shelves WHERE id < ?1 RETURNING id", (2,)),
        ("INSERT INTO keyed VALUES (?1, 1, 'x'), (?1, 2, 'y') RETURNING one", ("k{n}",)),
        ("INSERT INTO counted (held) VALUES (?1) RETURNING id", ("fires a trigger",)),
        ("DELETE FROM owners WHERE id = ?1 RETURNING id", (1,)),
        ("DELETE FROM shelves WHERE id = ?1 RETURNING id", (9,)),
        ("WITH one AS (SELECT ?1 AS n) SELECT n FROM one", (1,)),
        ("PRAGMA user_version", ()),
    ],
)
async def test_what_may_go_over_many_rows_or_sets_something_off_keeps_its_thread(connection, sql, params):
    await connection.begin(WRITING)
    assert await all_where(connection, sql, *params) == ["own"] * RUNS
    await connection.rollback()


async def test_a_trigger_that_is_made_later_is_seen(connection):
    sql = "INSERT INTO log (held) VALUES (?1) RETURNING id"
    await connection.begin(WRITING)
    assert await comes_here(connection, sql, "a")
    await connection.execute("CREATE TRIGGER late AFTER INSERT ON log BEGIN UPDATE books SET pages = 1; END")
    assert await all_where(connection, sql, "a") == ["own"] * RUNS
    await connection.commit()


@pytest.mark.parametrize("options", ["?inline=off", "?journal_mode=delete"])
async def test_nothing_leaves_its_thread_where_readers_wait_or_the_url_says_so(tmp_path: Path, options: str):
    connection = await adapter_for(f"sqlite:///{tmp_path}/kept.db{options}").connect(5)
    await connection.script(TABLES)
    assert await all_where(connection, READ, 1) == ["own"] * RUNS
    await connection.close()


async def test_an_attached_file_in_which_readers_wait_keeps_all_on_the_thread(tmp_path: Path):
    (tmp_path / "old.db").touch()
    sqlite3.connect(tmp_path / "old.db").execute("CREATE TABLE t (id integer)").connection.close()
    adapter = adapter_for(
        f"sqlite:///{tmp_path}/main.db?mode=rwc&journal_mode=wal", attach={"old": f"{tmp_path}/old.db"}
    )
    connection = await adapter.connect(5)
    # It got WAL with the main file, so that nobody waits there either.
    assert await comes_here(connection, "SELECT id FROM old.t WHERE id = ?1", 1)
    await connection.close()


async def test_a_database_in_memory_has_no_locks_to_wait_for():
    connection = await adapter_for("sqlite:///:memory:").connect(5)
    await connection.script(TABLES)
    assert await comes_here(connection, READ, 1)
    await connection.close()


async def test_a_text_of_many_values_is_forgotten_at_once(connection):
    sql = f"SELECT id FROM shelves WHERE id = ?1 -- {'x' * 20_000}"
    assert await all_where(connection, sql, 1) == ["own"] * RUNS
    assert sql not in connection._brief._paces


# -- the steps of a write --------------------------------------------------------------------------------------------

ONE_ROW = [
    (INSERT, ("new", 1)),
    ("INSERT INTO books (shelf_id, title) VALUES (?1, ?2) RETURNING id, title", (1, "b")),
    ("INSERT INTO shelves (name) VALUES (?1) ON CONFLICT DO NOTHING RETURNING id", ("shelf 1",)),
    ("UPDATE shelves SET places = ?1 WHERE id = ?2", (1, 2)),
    ("UPDATE books SET shelf_id = ?1, title = ?2 WHERE id = ?3 RETURNING *", (2, "c", 3)),
    ("UPDATE books SET title = ?1 WHERE id = ?2 AND pages = ?3", ("c", 3, 3)),
    ("DELETE FROM books WHERE id = ?1", (5,)),
    ("INSERT INTO keyed VALUES (?1, ?2, ?3)", ("k", 1, "v")),
    ("UPDATE keyed SET held = ?1 WHERE one = ?2 AND two = ?3", ("w", "k1", 1)),
    ("DELETE FROM keyed WHERE one = ?1 AND two = ?2", ("k1", 1)),
]
MORE = [
    ("UPDATE books SET pages = pages + 1", ()),
    ("DELETE FROM books", ()),
    ("DELETE FROM shelves WHERE id = ?1", (999_999,)),
    ("UPDATE shelves SET id = ?1 WHERE id = ?2", (999_999, 1)),
    ("UPDATE keyed SET held = 'x' WHERE one > ?1", ("",)),
    ("UPDATE books SET title = (SELECT max(name) FROM shelves) WHERE id = ?1", (1,)),
    ("INSERT INTO counted (held) VALUES (?1)", ("a",)),
    ("DELETE FROM owners WHERE id = ?1", (1,)),
]


def filled(rows: int) -> sqlite3.Connection:
    """Return a database with so many rows in each table, each of its shelves with as many books as all have."""
    made = sqlite3.connect(":memory:", isolation_level=None)
    made.execute("PRAGMA foreign_keys = ON")
    made.executescript(TABLES)
    numbers = range(1, rows + 1)
    made.executemany("INSERT INTO shelves VALUES (?, ?, 1)", [(n, f"shelf {n}") for n in numbers])
    made.executemany("INSERT INTO books VALUES (?, 1, 'b', ?)", [(n, n) for n in numbers])
    made.executemany("INSERT INTO keyed VALUES (?, 1, 'v')", [(f"k{n}",) for n in numbers])
    made.executemany("INSERT INTO owners VALUES (?, 'o')", [(n,) for n in numbers])
    made.executemany("INSERT INTO owned VALUES (?, 1)", [(n,) for n in numbers])
    made.executemany("INSERT INTO log VALUES (?, 'l')", [(n,) for n in numbers])
    return made


def steps(connection: sqlite3.Connection, sql: str, params: Any) -> int:
    """Return how many steps a statement takes, run to its end."""
    taken = 0

    def count() -> bool:
        nonlocal taken
        taken += 1
        return False

    connection.execute("BEGIN")
    connection.set_progress_handler(count, 1)
    try:
        connection.execute(sql, params).fetchall()
    finally:
        connection.set_progress_handler(None, 0)
        connection.execute("ROLLBACK")
    return taken


@pytest.mark.parametrize(("sql", "params"), ONE_ROW)
def test_a_write_that_is_bounded_takes_as_many_steps_in_a_small_table_as_in_a_large_one(sql, params):
    small, large = filled(10), filled(3_000)
    assert bounded(small, sql, params)
    assert bounded(large, sql, params)
    assert abs(steps(small, sql, params) - steps(large, sql, params)) <= 2
    small.close()
    large.close()


@pytest.mark.parametrize(("sql", "params"), MORE)
def test_a_write_that_takes_more_steps_in_a_larger_table_or_fires_a_trigger_is_not_bounded(sql, params):
    large = filled(3_000)
    assert not bounded(large, sql, params)
    large.close()


def test_what_cannot_be_explained_is_not_bounded():
    small = filled(1)
    assert not bounded(small, "INSERT INTO nowhere VALUES (1)", ())
    small.close()


def test_a_cursor_of_an_attached_file_is_not_taken_for_the_small_table_whose_page_has_the_same_number(tmp_path: Path):
    main = filled(10)
    main.execute("ATTACH ? AS other", (f"{tmp_path}/other.db",))
    [root] = main.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'sqlite_sequence'").fetchone()
    name = 0
    while not main.execute("SELECT 1 FROM other.sqlite_schema WHERE rootpage = ?", (root,)).fetchone():
        main.execute(f"CREATE TABLE other.t{name} (id integer PRIMARY KEY, held text)")
        name += 1
    assert not bounded(main, f"UPDATE other.t{name - 1} SET held = 'x'", ())
    main.close()


# -- who waits -------------------------------------------------------------------------------------------------------


async def with_many_books(connection: SqliteConnection) -> None:
    await connection.execute(
        "INSERT INTO books (shelf_id, pages) WITH n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) "
        "SELECT 1, i FROM n"
    )


async def test_a_read_that_is_long_all_of_a_sudden_is_broken_off_and_done_on_the_thread(connection):
    await with_many_books(connection)
    assert await comes_here(connection, SUM, 3)
    assert await connection.fetch(SUM, (200_001,), list) == [(200_000 * 200_001 // 2,)]
    # It has to be brief there for longer than it had to at first.
    assert await all_where(connection, SUM, 3) == ["own"] * RUNS
    assert await comes_here(connection, SUM, 3)


async def test_a_read_that_is_broken_off_leaves_its_transaction_as_it_was(connection):
    await with_many_books(connection)
    await connection.begin(WRITING)
    await connection.execute("INSERT INTO shelves (name, places) VALUES ('before', 1)")
    assert await comes_here(connection, SUM, 3)
    assert await where(connection, SUM, (300_000,)) == "own"
    assert connection.in_transaction
    await connection.execute("INSERT INTO shelves (name, places) VALUES ('after', 1)")
    await connection.commit()
    names = await connection.fetch("SELECT name FROM shelves ORDER BY id", (), list)
    assert names == [("first",), ("before",), ("after",)]


async def test_a_deadline_holds_for_a_read_that_was_brief_before(connection):
    await with_many_books(connection)
    crossed = "SELECT count(*) FROM books a, books b WHERE a.id < ?1 AND b.id < ?1"
    assert await comes_here(connection, crossed, 1)
    with pytest.raises(DeadlineError):
        await connection.fetch(crossed, (300_000,), list, timeout=0.2)
    assert await connection.fetch("SELECT 1", (), list) == [(1,)]


async def test_no_time_left_is_told_also_where_no_thread_is_needed(connection):
    assert await comes_here(connection, READ, 1)
    with pytest.raises(DeadlineError):
        await connection.fetch(READ, (1,), list, timeout=0)


async def test_what_takes_longer_than_a_thread_does_goes_back_to_it(connection):
    assert await comes_here(connection, READ, 1)
    there: list[bool] = []

    def slow(_rows: list[Any]) -> None:
        there.append(threading.current_thread() is threading.main_thread())
        time.sleep(2 * BRIEF_SECONDS)

    # Once is an accident. After the second it has to be brief on its thread, and each time for twice as long.
    for _ in range(60):
        await connection.fetch(READ, (1,), slow)
    assert 2 <= there.count(True) <= 8


async def test_a_machine_that_has_other_work_now_and_then_does_not_send_a_statement_back(connection):
    assert await comes_here(connection, READ, 1)
    pace = connection._brief.pace(READ)
    for run in range(2_000):
        pace.was_brief() if run % 100 else pace.was_long()
    assert not pace.owed


def test_an_event_loop_that_ended_in_the_middle_of_a_turn_does_not_keep_the_next_from_brief_reads(tmp_path: Path):
    adapter = adapter_for(f"sqlite:///{tmp_path}/loops.db")
    found: list[bool] = []

    async def read(*, interrupted: bool) -> None:
        connection = await adapter.connect(5)
        for _ in range(2):
            await asyncio.sleep(0.01)
            found.append(await comes_here(connection, "SELECT 1 WHERE ?1", 1))
        if interrupted:
            connection.terminate()
            raise KeyboardInterrupt
        await connection.close()

    for interrupted in (True, False):
        loop = asyncio.new_event_loop()
        with pytest.raises(KeyboardInterrupt) if interrupted else nullcontext():
            loop.run_until_complete(read(interrupted=interrupted))
        loop.close()
    assert found == [True] * 4


async def test_other_tasks_have_their_turn_while_one_reads_and_reads(connection):
    assert await comes_here(connection, READ, 1)
    turns = [time.monotonic()]

    async def others() -> None:
        while True:
            await asyncio.sleep(0)
            turns.append(time.monotonic())

    running = asyncio.create_task(others())
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        await connection.fetch(READ, (1,), list)
    running.cancel()
    # It is half a millisecond, or more on a machine with other work; while the thread reads the others turn and turn.
    waits = [after - before for before, after in itertools.pairwise(turns) if after - before > 0.0001]
    assert statistics.median(waits) < 0.003


async def test_tasks_that_read_little_each_do_not_send_each_other_to_the_thread(connection):
    assert await comes_here(connection, READ, 1)

    async def little() -> list[str]:
        return [await where(connection, READ, (1,)) for _ in range(5)]

    # At ten microseconds each they take longer than one of them might, and less than all.
    there = [one for found in await asyncio.gather(*(little() for _ in range(50))) for one in found]
    assert there.count("loop") > 200


async def test_tasks_that_are_too_many_for_one_turn_of_the_event_loop_go_on_in_the_next(connection):
    assert await comes_here(connection, READ, 1)
    turns = [time.monotonic()]

    async def others() -> None:
        while True:
            await asyncio.sleep(0)
            turns.append(time.monotonic())

    async def slowly() -> str:
        there = await where(connection, READ, (1,))
        # What a task does besides counts too: the others wait for it.
        time.sleep(0.002)
        return there

    running = asyncio.create_task(others())
    there = await asyncio.gather(*(slowly() for _ in range(12)))
    running.cancel()
    assert there.count("loop") >= 4
    assert len([after for before, after in itertools.pairwise(turns) if after - before > 0.002]) >= 3


async def test_while_the_disk_stalls_all_have_their_threads(connection, monkeypatch):
    other = "SELECT count(*) FROM shelves WHERE id = ?1"
    assert await comes_here(connection, other, 1)
    monkeypatch.setattr(sqlite_brief, "RESTING_SECONDS", 0.5)
    for _ in range(2):
        assert await comes_here(connection, READ, 1)
        await connection.fetch(READ, (1,), lambda _rows: time.sleep(2 * sqlite_brief.STALLED_SECONDS))
    assert [await where(connection, other, (1,)) for _ in range(5)] == ["own"] * 5
    await asyncio.sleep(0.5)
    assert await comes_here(connection, other, 1)


async def test_a_machine_that_stops_once_sends_no_others_to_their_threads(connection):
    other = "SELECT count(*) FROM shelves WHERE id = ?1"
    assert await comes_here(connection, READ, 1)
    assert await comes_here(connection, other, 1)
    await connection.fetch(READ, (1,), lambda _rows: time.sleep(2 * sqlite_brief.STALLED_SECONDS))
    assert "loop" in [await where(connection, other, (1,)) for _ in range(5)]


async def test_a_task_that_only_reads_can_be_cancelled(connection):
    assert await comes_here(connection, READ, 1)

    async def read_for_ever() -> None:
        while True:
            await connection.fetch(READ, (1,), list)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(read_for_ever(), 0.05)
    assert await connection.fetch(READ, (1,), list) == [(1, "first")]


async def test_a_writer_of_another_program_is_waited_for_on_the_thread_at_rest(sqlite_url: str):
    connection = await adapter_for(f"{sqlite_url}?busy_timeout=1000").connect(5)
    for _ in range(RUNS):
        await connection.begin(WRITING)
        await connection.commit()
    path = connection._worker.raw.execute("PRAGMA database_list").fetchone()[2]
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    turns = [time.monotonic()]

    async def count() -> None:
        while True:
            await asyncio.sleep(0.01)
            turns.append(time.monotonic())

    counting = asyncio.create_task(count())
    worked = time.process_time()
    with pytest.raises(DatabaseError, match="locked") as raised:
        await connection.begin(WRITING)
    worked = time.process_time() - worked
    counting.cancel()
    assert raised.value.sqlstate == "SQLITE_BUSY"
    assert max(after - before for before, after in itertools.pairwise(turns)) < 0.7
    assert worked < 0.7
    other.execute("ROLLBACK")
    other.close()
    await connection.begin(WRITING)
    await connection.commit()
    await connection.close()


async def test_connections_that_are_the_first_of_their_file_at_once_wait_until_it_is_in_order(tmp_path: Path):
    for number in range(30):
        # Of some that find no file one makes it, and another brings its WAL in order (SQLITE_BUSY_RECOVERY).
        adapters = [adapter_for(f"sqlite:///{tmp_path}/new{number}.db") for _ in range(4)]
        for connection in await asyncio.gather(*(one.connect(5) for one in adapters)):
            await connection.close()


# -- errors ----------------------------------------------------------------------------------------------------------


async def test_an_error_is_the_same_here_as_on_the_thread(connection):
    await connection.begin(WRITING)
    with pytest.raises(ConstraintError) as on_thread:
        await connection.fetch(INSERT, ("first", 1), list)
    assert await comes_here(connection, INSERT, "shelf {n}", 1)
    with pytest.raises(ConstraintError) as here:
        await connection.fetch(INSERT, ("first", 1), list)
    assert str(here.value) == str(on_thread.value)
    assert here.value.constraint == on_thread.value.constraint
    await connection.commit()
    assert await connection.fetch("SELECT count(*) FROM shelves WHERE name = 'first'", (), list) == [(1,)]


async def test_a_text_that_is_no_utf_8_is_told_and_leaves_no_statement_open(connection):
    sql = "SELECT CAST(?1 AS text)"
    assert await comes_here(connection, sql, b"good")
    with pytest.raises(DatabaseError, match="UTF-8"):
        await connection.fetch(sql, (b"\xff",), list)
    assert not connection.in_transaction
    await connection.execute("DROP TABLE log")


async def test_a_load_that_fails_raises_what_it_raised(connection):
    assert await comes_here(connection, READ, 1)

    def load(_rows: list[Any]) -> None:
        raise ValueError("not this one")

    with pytest.raises(ValueError, match="not this one"):
        await connection.fetch(READ, (1,), load)
    assert await connection.fetch(READ, (1,), list) == [(1, "first")]


async def test_a_transaction_that_an_error_ended_stays_ended(connection):
    await connection.script("CREATE TABLE hard (id integer PRIMARY KEY, name text UNIQUE ON CONFLICT ROLLBACK)")
    sql = "INSERT INTO hard (name) VALUES (?1) RETURNING id"
    await connection.begin(WRITING)
    assert await comes_here(connection, sql, "name {n}")
    with pytest.raises(ConstraintError):
        await connection.fetch(sql, ("name 1000",), list)
    with pytest.raises(TransactionAbortedError):
        await connection.fetch(READ, (1,), list)
    with pytest.raises(TransactionAbortedError):
        await connection.commit()
    assert await connection.fetch("SELECT count(*) FROM hard", (), list) == [(0,)]


async def test_a_closed_connection_reads_nothing_here(connection):
    assert await comes_here(connection, READ, 1)
    await connection.close()
    with pytest.raises(ConnectError, match="closed"):
        await connection.fetch(READ, (1,), list)


async def test_a_statement_waits_for_the_one_that_is_on_its_connections_thread(connection):
    await with_many_books(connection)
    assert await comes_here(connection, READ, 1)
    long = asyncio.create_task(connection.fetch("SELECT count(*) FROM books WHERE title LIKE '%x%y%'", (), list))
    await asyncio.sleep(0)
    assert await where(connection, READ, (1,)) == "own"
    await long


# -- through the repo ------------------------------------------------------------------------------------------------


class Shelf(Schema, table="shelves"):
    id: Field[int] = primary_key()
    name: Field[str]
    places: Field[int | None]


async def test_a_transaction_of_a_repo_keeps_all_or_nothing_however_often_it_runs(sqlite_url: str):
    async with Repo(sqlite_url) as repo:
        await repo.query("CREATE TABLE shelves (id integer PRIMARY KEY, name text NOT NULL UNIQUE, places int) STRICT")

        async def lose(number: int) -> None:
            async with repo.transaction():
                await repo.insert(Shelf(name=f"lost {number}", places=number))
                await repo.all(from_(Shelf))
                raise RuntimeError

        for number in range(10):
            async with repo.transaction():
                shelf = await repo.insert(Shelf(name=f"shelf {number}", places=number))
                await repo.update(change(shelf).put_change(Shelf.places, number + 100))
            with pytest.raises(RuntimeError):
                await lose(number)
        found = await repo.all(from_(Shelf).order_by(Shelf.id))
        assert [(one.name, one.places) for one in found] == [(f"shelf {n}", n + 100) for n in range(10)]


async def test_tasks_that_read_and_write_at_once_lose_nothing(sqlite_url: str):
    async with Repo(sqlite_url, pool_size=5) as repo:
        await repo.query("CREATE TABLE shelves (id integer PRIMARY KEY, name text NOT NULL UNIQUE, places int) STRICT")
        shelf = await repo.insert(Shelf(name="one", places=0))

        async def add(times: int) -> None:
            for _ in range(times):
                async with repo.transaction():
                    now = await repo.get_or_raise(Shelf, shelf.id)
                    await repo.update(change(now).put_change(Shelf.places, (now.places or 0) + 1))

        await asyncio.gather(*(add(20) for _ in range(10)))
        assert (await repo.get_or_raise(Shelf, shelf.id)).places == 200

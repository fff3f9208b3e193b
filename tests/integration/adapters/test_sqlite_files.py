"""SQLite's files: several at once, full disks, what cannot be written or read, and processes that share one."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from ectype.adapters.base import Begin
from ectype.adapters.registry import adapter_for
from ectype.adapters.sqlite import SqliteConnection
from ectype.errors import (
    ConfigError,
    ConnectError,
    DatabaseError,
    DeadlineError,
    TransactionAbortedError,
    UnsupportedError,
)
from ectype.repo.repo import Repo
from ectype.schema.fields import Field, primary_key
from ectype.schema.schema import Schema


class Note(Schema, table="notes"):
    id: Field[int] = primary_key()
    body: Field[str]


TABLE = "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT"


@pytest.fixture
async def connection(sqlite_url: str) -> AsyncIterator[SqliteConnection]:
    connection = await adapter_for(sqlite_url).connect(5)
    yield connection
    await connection.close()


async def value(connection: SqliteConnection, sql: str, *params: object) -> Any:
    return await connection.fetch(sql, params, lambda found: found[0][0])


# -- attached files ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("main", ["file", "memory"])
async def test_attached_files_are_schemas_of_every_connection(tmp_path, main):
    url = f"sqlite:///{tmp_path / 'main.db'}" if main == "file" else "sqlite:///:memory:"
    archive = tmp_path / "odd ?name#.db"
    async with Repo(url, pool_size=3, attach={"archive": str(archive)}) as repo:
        await repo._session.script(f"{TABLE}; {TABLE.replace('notes', 'archive.notes')}")
        kept = await repo.insert(Note(body="kept"), prefix="archive")
        await repo.insert(Note(body="here"))
        found = await asyncio.gather(*(repo.get_or_raise(Note, kept.id, prefix="archive") for _ in range(6)))
        assert [note.body for note in found] == ["kept"] * 6
        assert [note.body for note in await repo.all(Note)] == ["here"]
        async with repo.transaction() as tx:
            await repo.insert(Note(body="undone"), prefix="archive")
            tx.rollback()
        assert len(await repo.all(Note, prefix="archive")) == 1
        assert await repo._session.fetch('PRAGMA "archive".journal_mode', (), list) == [("wal",)]
        assert await repo._session.fetch('PRAGMA "archive".synchronous', (), list) == [(1,)]
        with pytest.raises(UnsupportedError, match="ATTACH"):
            await repo._session.script("ATTACH 'x.db' AS x")
    with sqlite3.connect(archive) as after:
        assert after.execute("SELECT body FROM notes").fetchall() == [("kept",)]
    after.close()


async def test_an_attached_file_may_be_named_by_a_url(tmp_path):
    async with Repo("sqlite:///:memory:", attach={"a": f"sqlite:///{tmp_path / 'a.db'}", "b": ":memory:"}) as repo:
        await repo._session.script(TABLE.replace("notes", "b.notes"))
        assert await repo.all(Note, prefix="b") == []


@pytest.mark.parametrize(
    ("attach", "says"),
    [
        ({"main": "x.db"}, "cannot call a schema 'main'"),
        ({"TEMP": "x.db"}, "cannot call a schema 'TEMP'"),
        ({'a"b': "x.db"}, "plain name"),
        ({"": "x.db"}, "plain name"),
        ({"a": ""}, "names no file"),
        ({"a": "a\0b"}, "names no file"),
        ({"a": ":memory:"}, "another database in each connection"),
        ({"a": "postgresql://ada:canary@db/blog"}, "no SQLite file"),
        ({"a": "sqlite:///x.db?mode=ro"}, "without options"),
    ],
)
def test_what_cannot_be_attached_is_refused_at_once(attach, says):
    with pytest.raises(ConfigError) as caught:
        Repo("sqlite:///main.db", attach=attach)
    assert says in str(caught.value)
    assert "canary" not in str(caught.value)


def test_a_server_attaches_nothing():
    with pytest.raises(ConfigError, match="a setting of SQLite"):
        Repo("postgresql://db/blog", attach={"a": "a.db"})


async def test_an_attached_file_that_cannot_be_opened_is_named(tmp_path):
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"this is no database" * 100)
    for path in (broken, tmp_path / "no folder" / "a.db"):
        adapter = adapter_for(f"sqlite:///{tmp_path / 'main.db'}", attach={"archive": str(path)})
        with pytest.raises(ConnectError) as caught:
            await adapter.connect(5)
        assert str(path) in caught.value.message


# -- what the disk does ------------------------------------------------------------------------------------------------


async def test_a_full_disk_is_an_error_and_the_file_stays_whole(tmp_path):
    """A limit on the size of files stands for the disk: the write itself fails, in the middle of a transaction."""
    path = tmp_path / "full.db"
    text = """
        import asyncio, resource, sys
        from ectype.adapters.base import Begin
        from ectype.adapters.registry import adapter_for
        from ectype.errors import DatabaseError, EctypeError

        async def main():
            connection = await adapter_for(sys.argv[1]).connect(5)
            await connection.script("CREATE TABLE t (data blob)")
            await connection.execute("INSERT INTO t VALUES (zeroblob(10000))")
            resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
            await connection.begin(Begin())
            try:
                for _ in range(100):
                    await connection.execute("INSERT INTO t VALUES (zeroblob(100000))")
                await connection.commit()
            except EctypeError as exc:
                print(getattr(exc, "sqlstate", exc.__class__.__name__))
            if connection.in_transaction:
                await connection.rollback()
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            await connection.execute("INSERT INTO t VALUES ('after')")
            print(await connection.fetch("PRAGMA integrity_check", (), lambda rows: rows[0][0]))
            print(await connection.fetch("SELECT count(*) FROM t", (), lambda rows: rows[0][0]))
            await connection.close()

        asyncio.run(main())
    """
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(text), f"sqlite:///{path}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    state, whole, count = done.stdout.split()
    assert state in {"SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR"}
    assert (whole, count) == ("ok", "2")


@pytest.mark.parametrize("returning", [False, True])
async def test_a_batch_that_fills_the_database_leaves_nothing_and_no_transaction(connection, returning):
    await connection.script("CREATE TABLE t (data blob)")
    await connection.execute(f"PRAGMA max_page_count = {await value(connection, 'PRAGMA page_count') + 5}")
    rows = [(b"x" * 100,), (b"x" * 1_000_000,)]
    if returning:
        writing: Any = connection.fetch_many("INSERT INTO t VALUES (?1) RETURNING 1", rows, list)
    else:
        writing = connection.execute_many("INSERT INTO t VALUES (?1)", rows)
    with pytest.raises(DatabaseError) as caught:
        await writing
    assert caught.value.sqlstate == "SQLITE_FULL"
    assert "disk is full" in str(caught.value.hint)
    assert not connection.in_transaction
    assert await value(connection, "SELECT count(*) FROM t") == 0


async def test_a_full_database_in_a_transaction_of_a_repo_rolls_it_all_back(sqlite_url):
    async with Repo(sqlite_url, pool_size=1) as repo:
        await repo._session.script(TABLE)
        [(pages,)] = await repo._session.fetch("PRAGMA page_count", (), list)
        await repo._session.execute(f"PRAGMA max_page_count = {pages + 5}")

        async def work() -> None:
            async with repo.transaction():
                await repo.insert(Note(body="first"))
                with pytest.raises(DatabaseError, match="full"):
                    await repo.insert(Note(body="x" * 1_000_000))
                # It would be committed by itself: SQLite has ended the transaction.
                await repo.insert(Note(body="second"))

        with pytest.raises(TransactionAbortedError):
            await work()
        assert await repo.all(Note) == []


async def test_a_read_only_url_reads_and_says_why_it_does_not_write(sqlite_url, connection):
    await connection.script(TABLE)
    reader = await adapter_for(f"{sqlite_url}?mode=ro").connect(5)
    assert await value(reader, "SELECT count(*) FROM notes") == 0
    for write in (reader.execute("INSERT INTO notes (body) VALUES ('x')"), reader.script("CREATE TABLE t (a)")):
        with pytest.raises(DatabaseError) as caught:
            await write
        assert caught.value.sqlstate == "SQLITE_READONLY"
        assert "mode=ro" in str(caught.value.hint)
    await reader.close()


async def test_a_file_that_is_damaged_is_told_by_its_code(tmp_path):
    path = tmp_path / "damaged.db"
    connection = await adapter_for(f"sqlite:///{path}?journal_mode=delete").connect(5)
    await connection.script("CREATE TABLE t (data text)")
    await connection.execute_many("INSERT INTO t VALUES (?1)", [("x" * 500,) for _ in range(200)])
    await connection.close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 20_000)
    connection = await adapter_for(f"sqlite:///{path}?journal_mode=delete").connect(5)
    with pytest.raises(DatabaseError) as caught:
        await connection.fetch("SELECT * FROM t", (), list)
    assert str(caught.value.sqlstate).startswith("SQLITE_CORRUPT")
    assert "x" * 50 not in str(caught.value)
    await connection.close()


async def test_an_io_error_in_a_transaction_can_only_be_rolled_back(tmp_path):
    """The file is cut under a connection: what it holds no longer can be read."""
    path = tmp_path / "cut.db"
    connection = await adapter_for(f"sqlite:///{path}?journal_mode=delete").connect(5)
    await connection.script("CREATE TABLE t (data text); PRAGMA cache_size = 1")
    await connection.execute_many("INSERT INTO t VALUES (?1)", [("x" * 3_000,) for _ in range(200)])
    await connection.begin(Begin())
    os.truncate(path, 8192)
    with pytest.raises(DatabaseError) as caught:
        await connection.fetch("SELECT count(data) FROM t WHERE data > ''", (), list)
    assert str(caught.value.sqlstate).startswith(("SQLITE_IOERR", "SQLITE_CORRUPT"))
    await connection.rollback()
    assert not connection.in_transaction
    await connection.close()


# -- what is lenient in SQLite and not here ----------------------------------------------------------------------------


@pytest.mark.parametrize("sql", ["SELECT nobody FROM notes", "UPDATE notes SET body = nobody", "SELECT * FROM none"])
async def test_a_name_that_nothing_has_raises(connection, sql):
    await connection.script(TABLE)
    with pytest.raises(DatabaseError, match="no such"):
        await connection.fetch(sql, (), list)


async def test_an_unread_returning_keeps_no_lock(connection, sqlite_url):
    await connection.script(TABLE)
    assert await connection.execute("INSERT INTO notes (body) VALUES ('a'), ('b') RETURNING id") == 2
    other = await adapter_for(f"{sqlite_url}?busy_timeout=0").connect(5)
    assert await other.execute("INSERT INTO notes (body) VALUES ('c')") == 1
    await other.close()


# -- one writer at a time, many readers --------------------------------------------------------------------------------


async def test_readers_see_the_last_commit_while_a_writer_works(sqlite_url):
    async with Repo(sqlite_url, pool_size=4) as repo:
        await repo._session.script(TABLE)
        await repo.insert(Note(body="committed"))
        async with repo.transaction():
            await repo.insert(Note(body="not yet"))
            with repo.detached():
                found = await asyncio.gather(*(repo.all(Note) for _ in range(3)))
            assert [[note.body for note in notes] for notes in found] == [["committed"]] * 3


async def test_writers_of_one_process_wait_for_one_another_and_none_is_refused(sqlite_url):
    async with Repo(sqlite_url, pool_size=8) as repo:
        await repo._session.script("CREATE TABLE counter (count integer); INSERT INTO counter VALUES (0)")

        async def add() -> None:
            for _ in range(10):
                async with repo.transaction():
                    [(count,)] = await repo._session.fetch("SELECT count FROM counter", (), list)
                    await repo._session.execute("UPDATE counter SET count = ?1", (count + 1,))

        await asyncio.gather(*(add() for _ in range(16)))
        assert await repo._session.fetch("SELECT count FROM counter", (), list) == [(160,)]


async def test_the_writers_of_one_process_are_served_in_the_order_they_came(sqlite_url):
    adapter = adapter_for(sqlite_url)
    connections = [await adapter.connect(5) for _ in range(6)]
    await connections[0].script(TABLE)
    await connections[0].begin(Begin())
    served: list[int] = []

    async def write(number: int) -> None:
        if number % 2:
            await connections[number].execute("INSERT INTO notes (body) VALUES ('alone')")
        else:
            await connections[number].begin(Begin())
            await connections[number].execute("INSERT INTO notes (body) VALUES ('in a transaction')")
            await connections[number].commit()
        served.append(number)

    tasks: list[asyncio.Task[None]] = []
    for number in range(1, 6):
        tasks.append(asyncio.create_task(write(number)))
        await asyncio.sleep(0)
    tasks[2].cancel()
    await asyncio.sleep(0.1)
    assert served == []
    await connections[0].commit()
    await asyncio.wait(tasks)
    assert served == [1, 2, 4, 5]
    for connection in connections:
        await connection.close()


@pytest.mark.parametrize("end", ["terminate", "close", "full", "cancel"])
async def test_a_writer_that_ends_badly_lets_the_next_one_write(sqlite_url, end):
    adapter = adapter_for(sqlite_url)
    first, second = await adapter.connect(5), await adapter.connect(5)
    await first.script(TABLE)
    await first.begin(Begin())
    await first.execute("INSERT INTO notes (body) VALUES ('lost')")
    waiting = asyncio.create_task(second.execute("INSERT INTO notes (body) VALUES ('next')"))
    await asyncio.sleep(0.01)
    if end == "terminate":
        first.terminate()
    elif end == "close":
        await first.close()
    elif end == "full":
        await first.execute("PRAGMA max_page_count = 3")
        with pytest.raises(DatabaseError):
            await first.execute("INSERT INTO notes VALUES (1, zeroblob(1000000))")
        await first.rollback()
    else:
        counting = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
        task = asyncio.create_task(first.fetch(counting, (), list))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.wait({task})
        await first.rollback()
    assert await waiting == 1
    assert await second.fetch("SELECT body FROM notes", (), list) == [("next",)]
    await first.close()
    await second.close()


async def test_one_that_only_reads_waits_for_no_writer(sqlite_url):
    adapter = adapter_for(sqlite_url)
    first, second = await adapter.connect(5), await adapter.connect(5)
    await first.script(TABLE)
    await first.begin(Begin())
    await first.execute("INSERT INTO notes (body) VALUES ('x')")
    await second.execute("SELECT 1", (), 1)
    await second.script("PRAGMA foreign_keys = ON; SELECT count(*) FROM notes", 1)
    assert (await second.query("SELECT count(*) FROM notes", (), lambda _names, rows, _count: rows, 1)) == [(0,)]
    await second.begin(Begin(read_only=True), 1)
    await second.rollback()
    await first.rollback()
    await first.close()
    await second.close()


async def test_a_connection_given_up_in_a_transaction_lets_the_next_one_write(sqlite_url):
    """The pool drops one that broke without a further word to it."""
    adapter = adapter_for(sqlite_url)
    first, second = await adapter.connect(5), await adapter.connect(5)
    await first.script(TABLE)
    await first.begin(Begin())
    release = threading.Event()
    task = asyncio.create_task(first.fetch("SELECT 1", (), lambda _rows: release.wait(20)))
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.wait({task})
    assert first.broken
    release.set()
    assert await second.execute("INSERT INTO notes (body) VALUES ('next')") == 1
    await second.close()


async def test_a_writer_that_waits_too_long_is_told_who_writes(sqlite_url):
    adapter = adapter_for(f"{sqlite_url}?busy_timeout=100")
    first, second = await adapter.connect(5), await adapter.connect(5)
    await first.begin(Begin())
    with pytest.raises(DatabaseError, match="another task of this program") as caught:
        await second.begin(Begin())
    assert caught.value.sqlstate == "SQLITE_BUSY"
    assert "busy_timeout" in str(caught.value.hint)
    with pytest.raises(DeadlineError, match="other writers"):
        await second.begin(Begin(), 0.02)
    await first.rollback()
    await second.begin(Begin())
    await first.close()
    await second.close()


async def test_a_database_in_memory_lives_as_long_as_its_repo():
    async with Repo("sqlite:///:memory:") as repo:
        await repo._session.script(TABLE)
        await asyncio.gather(*(repo.insert(Note(body=str(number))) for number in range(20)))
        assert len(await repo.all(Note)) == 20
        async with Repo("sqlite:///:memory:") as another:
            with pytest.raises(DatabaseError, match="no such table"):
                await another.all(Note)


async def test_a_process_killed_in_a_transaction_leaves_a_whole_file_and_no_lock(tmp_path):
    path = tmp_path / "killed.db"
    text = """
        import asyncio, sys
        from ectype.adapters.base import Begin
        from ectype.adapters.registry import adapter_for

        async def main():
            connection = await adapter_for(sys.argv[1]).connect(5)
            await connection.script("CREATE TABLE t (data blob); INSERT INTO t VALUES ('kept')")
            await connection.begin(Begin())
            for _ in range(50):
                await connection.execute("INSERT INTO t VALUES (zeroblob(100000))")
            print("ready", flush=True)
            await asyncio.sleep(60)

        asyncio.run(main())
    """
    command = [sys.executable, "-c", textwrap.dedent(text), f"sqlite:///{path}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    process.stdout.close()
    connection = await adapter_for(f"sqlite:///{path}").connect(5)
    assert await value(connection, "PRAGMA integrity_check") == "ok"
    assert await connection.execute("INSERT INTO t VALUES ('after')") == 1
    assert await value(connection, "SELECT count(*) FROM t") == 2
    await connection.close()

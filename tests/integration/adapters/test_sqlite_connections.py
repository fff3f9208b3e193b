"""What only SQLite does: files, locks between processes, threads that must not outlive the program."""

import asyncio
import inspect
import re
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
import warnings
import weakref
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiosqlite
import pytest

from ectype import Repo
from ectype.adapters import sqlite_jobs as jobs
from ectype.adapters import sqlite_worker
from ectype.adapters.base import Begin
from ectype.adapters.registry import adapter_for
from ectype.adapters.sqlite import SqliteConnection, check_version
from ectype.adapters.sqlite_worker import hop
from ectype.errors import (
    ConnectError,
    ConstraintError,
    DatabaseError,
    DeadlineError,
    TransactionAbortedError,
    UnsupportedError,
)

COUNTING = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500000000) SELECT count(*) FROM n"


@pytest.fixture
async def connection(sqlite_url: str) -> AsyncIterator[SqliteConnection]:
    connection = await adapter_for(sqlite_url).connect(5)
    yield connection
    await connection.close()


@pytest.fixture
async def other(sqlite_url: str) -> AsyncIterator[SqliteConnection]:
    connection = await adapter_for(sqlite_url).connect(5)
    yield connection
    await connection.close()


async def value(connection: SqliteConnection, sql: str, *params: object) -> Any:
    return await connection.fetch(sql, params, lambda found: found[0][0])


def run_script(text: str, *args: str, seconds: float = 30) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(text), *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)


class Big:
    """What can be a parameter or a result, and be seen to go."""

    def __conform__(self, _protocol: object) -> str:
        return "big"


async def test_a_connection_at_rest_keeps_neither_what_it_was_sent_nor_what_it_gave(connection):
    sent = Big()
    found = await connection.fetch(
        f"SELECT ?1 WHERE 1 IN ({COUNTING.replace('500000000', '1')})", (sent,), lambda _: Big()
    )
    seen = [weakref.ref(sent), weakref.ref(found)]
    del sent, found
    # Until then the event loop holds what woke this task.
    await asyncio.sleep(0.01)
    assert [one() for one in seen] == [None, None]


# -- connecting --------------------------------------------------------------------------------------------------------


async def test_a_connection_is_set_up_for_many_writers_and_true_foreign_keys(connection):
    assert await value(connection, "PRAGMA journal_mode") == "wal"
    assert await value(connection, "PRAGMA foreign_keys") == 1
    assert await value(connection, "PRAGMA synchronous") == 1


@pytest.mark.skipif(sys.version_info < (3, 12), reason="older Pythons cannot ask SQLite for it")
async def test_a_name_that_nothing_has_is_no_text(connection):
    await connection.script("CREATE TABLE t (id integer)")
    for sql in ('SELECT "typo" FROM t', 'INSERT INTO t VALUES (1) RETURNING "typo"', 'CREATE INDEX i ON t ("typo")'):
        with pytest.raises(DatabaseError, match="typo"):
            await connection.execute(sql)


async def test_options_of_the_url_are_obeyed(tmp_path):
    url = f"sqlite:///{tmp_path / 'x.db'}?journal_mode=delete&synchronous=full"
    connection = await adapter_for(url).connect(5)
    assert await value(connection, "PRAGMA journal_mode") == "delete"
    assert await value(connection, "PRAGMA synchronous") == 2
    await connection.script("CREATE TABLE t (id integer)")
    await connection.close()
    reader = await adapter_for(f"sqlite:///{tmp_path / 'x.db'}?mode=ro").connect(5)
    with pytest.raises(DatabaseError) as caught:
        await reader.execute("INSERT INTO t VALUES (1)")
    assert caught.value.sqlstate == "SQLITE_READONLY"
    assert "mode=ro" in str(caught.value.hint)
    await reader.close()


@pytest.mark.parametrize("name", ["with space?.db", "100%.db", "ünï#code.db"])
async def test_a_file_may_have_any_name(tmp_path, name):
    path = tmp_path / name
    connection = await adapter_for(f"sqlite:///{quote(str(path))}").connect(5)
    await connection.close()
    assert path.is_file()


def make_folder(path: Path) -> None:
    path.mkdir()


def make_text(path: Path) -> None:
    path.write_text("this is no database, whatever its name says" * 100)


@pytest.mark.parametrize(
    ("make", "name", "fix"),
    [
        (None, "missing/x.db", "make the folder"),
        (make_folder, "folder", "is a folder"),
        (make_text, "text.db", "is a SQLite database"),
        (None, "none.db?mode=rw", "does not exist"),
    ],
)
async def test_a_file_that_cannot_be_opened_is_a_connect_error_with_the_path_and_the_fix(tmp_path, make, name, fix):
    if make is not None:
        make(tmp_path / name)
    with pytest.raises(ConnectError) as caught:
        await adapter_for(f"sqlite:///{tmp_path / name}").connect(5)
    assert str(tmp_path) in caught.value.message
    assert fix in str(caught.value.hint)
    assert isinstance(caught.value.__cause__, sqlite3.Error)


async def test_connecting_waits_while_another_program_has_the_file_for_itself(tmp_path: Path):
    path = tmp_path / "own.db"
    alone = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    for sql in ("PRAGMA journal_mode = WAL", "PRAGMA locking_mode = EXCLUSIVE", "CREATE TABLE t (id integer)"):
        alone.execute(sql).fetchall()
    end = threading.Timer(0.4, alone.close)
    end.start()
    connection = await adapter_for(f"sqlite:///{path}").connect(5)
    assert await value(connection, "SELECT count(*) FROM t") == 0
    await connection.close()
    end.join()


def test_an_old_library_is_refused_by_its_number():
    check_version((3, 37, 0), "sqlite:///x.db")
    with pytest.raises(UnsupportedError, match=r"3\.36\.0"):
        check_version((3, 36, 0), "sqlite:///x.db")


async def test_a_database_in_memory_is_one_connection(tmp_path):
    assert adapter_for("sqlite://").single
    assert not adapter_for(f"sqlite:///{tmp_path / 'x.db'}").single


# -- one hop, numbered placeholders ------------------------------------------------------------------------------------


async def test_the_private_members_of_the_driver_are_still_a_queue_of_functions_a_thread_and_a_connection(sqlite_url):
    async with aiosqlite.connect(":memory:") as driver:
        ran = threading.Event()
        driver._tx.put_nowait((None, ran.set))
        assert await asyncio.to_thread(ran.wait, 5)
        assert isinstance(driver._thread, threading.Thread)
        assert isinstance(driver._connection, sqlite3.Connection)
    used = re.findall(r"driver\.(_\w+)", inspect.getsource(sqlite_worker))
    assert sorted(used) == ["_connection", "_thread", "_tx"]


def test_a_thread_whose_caller_left_with_its_event_loop_goes_on_and_closes_the_connection(sqlite_url):
    kept: list[SqliteConnection] = []

    async def leave_in_the_middle():
        connection = await adapter_for(sqlite_url).connect(5)
        kept.append(connection)
        hop(connection._worker._driver, time.sleep, 0.3)

    asyncio.run(leave_in_the_middle())
    [thread] = [one for one in threading.enumerate() if one is kept[0]._worker._driver._thread]
    assert thread.is_alive()
    kept[0].terminate()
    thread.join(5)
    assert not thread.is_alive()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        kept[0]._worker.raw.execute("SELECT 1")


async def test_load_runs_on_the_connections_own_thread_in_the_same_hop(connection):
    thread = await connection.fetch("SELECT 1", (), lambda _found: threading.current_thread())
    assert thread is not threading.main_thread()
    assert thread.daemon


@pytest.mark.parametrize(
    ("sql", "params", "found"),
    [
        ("SELECT ?1, ?2, ?1", ("a", "b"), ("a", "b", "a")),
        ("SELECT ?, ?", ("a", "b"), ("a", "b")),
        ("SELECT ?2 || ?1", ["a", "b"], ("ba",)),
    ],
)
async def test_numbered_placeholders_take_a_sequence_without_a_warning(connection, sql, params, found):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert await connection.fetch(sql, params, list) == [found]


# -- transactions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [Begin(isolation="read committed"), Begin(isolation="repeatable read")])
async def test_a_weaker_isolation_is_refused_by_name(connection, how):
    with pytest.raises(UnsupportedError, match=str(how.isolation)) as caught:
        await connection.begin(how)
    assert "SQLite" in caught.value.message
    assert not connection.in_transaction


async def test_deferrable_is_refused_by_name(connection):
    with pytest.raises(UnsupportedError, match="deferrable=True"):
        await connection.begin(Begin(deferrable=True))


async def test_a_writing_transaction_takes_the_lock_at_once_and_a_reading_one_does_not(connection, other):
    await connection.script("CREATE TABLE t (id integer)")
    await connection.begin(Begin())
    await other.begin(Begin(read_only=True))
    assert await value(other, "SELECT count(*) FROM t") == 0
    await other.rollback()
    with pytest.raises(DeadlineError):
        await other.begin(Begin(), 0.1)
    assert not other.in_transaction
    await connection.rollback()


async def test_a_lock_that_is_not_granted_is_told_after_the_busy_timeout(tmp_path):
    adapter = adapter_for(f"sqlite:///{tmp_path / 'x.db'}?busy_timeout=200")
    first, second = await adapter.connect(5), await adapter.connect(5)
    await first.begin(Begin())
    began = time.monotonic()
    with pytest.raises(DatabaseError, match="locked") as caught:
        await second.begin(Begin())
    assert 0.15 < time.monotonic() - began < 2
    assert caught.value.sqlstate == "SQLITE_BUSY"
    assert "busy_timeout" in str(caught.value.hint)
    await first.close()
    await second.close()


async def test_waiting_for_a_lock_can_be_cancelled(connection, other):
    await connection.begin(Begin())
    task = asyncio.create_task(other.begin(Begin()))
    await asyncio.sleep(0.1)
    began = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - began < 1
    assert not other.broken
    await connection.rollback()
    assert not other.in_transaction
    await other.begin(Begin(), 1)
    await other.rollback()


async def test_a_begin_cancelled_after_it_was_done_and_before_it_was_told_is_undone(sqlite_url):
    connection = await adapter_for(f"{sqlite_url}?inline=off").connect(5)
    task = asyncio.create_task(connection.begin(Begin()))
    await asyncio.sleep(0)
    # The loop stands still while the thread is done with BEGIN.
    time.sleep(0.1)
    assert connection.in_transaction
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not connection.in_transaction
    assert not connection.broken
    await connection.close()


async def test_a_reader_that_turns_writer_too_late_is_told_the_fix(connection, other):
    await connection.script("CREATE TABLE t (id integer)")
    await other.begin(Begin(read_only=True))
    await value(other, "SELECT count(*) FROM t")
    await connection.execute("INSERT INTO t VALUES (1)")
    with pytest.raises(DatabaseError) as caught:
        await other.execute("INSERT INTO t VALUES (2)")
    assert caught.value.sqlstate == "SQLITE_BUSY_SNAPSHOT"
    assert "read_only" in str(caught.value.hint)
    await other.rollback()


@pytest.mark.parametrize("end", ["commit", "rollback"])
async def test_a_transaction_that_sqlite_ended_by_itself_takes_no_more_statements(connection, end):
    await connection.script("CREATE TABLE t (data blob)")
    await connection.execute(f"PRAGMA max_page_count = {await value(connection, 'PRAGMA page_count') + 5}")
    await connection.begin(Begin())
    await connection.execute("INSERT INTO t VALUES ('first')")
    with pytest.raises(DatabaseError) as caught:
        await connection.execute("INSERT INTO t VALUES (zeroblob(10000000))")
    assert caught.value.sqlstate == "SQLITE_FULL"
    with pytest.raises(TransactionAbortedError, match="by itself"):
        await connection.execute("INSERT INTO t VALUES ('would be committed at once')")
    assert connection.in_transaction
    if end == "commit":
        with pytest.raises(TransactionAbortedError):
            await connection.commit()
    else:
        await connection.rollback()
    assert not connection.in_transaction
    assert await value(connection, "SELECT count(*) FROM t") == 0


async def test_a_script_stays_in_the_transaction_and_knows_triggers(connection):
    await connection.begin(Begin())
    await connection.script(
        """
        CREATE TABLE t (id integer, note text); CREATE TABLE log (note text);
        CREATE TRIGGER noted AFTER INSERT ON t BEGIN
            INSERT INTO log VALUES (new.note); INSERT INTO log VALUES (';');
        END;
        INSERT INTO t VALUES (1, 'a;b') /* ; */; -- ; the end
        """
    )
    assert await value(connection, "SELECT count(*) FROM log") == 2
    assert connection.in_transaction
    await connection.rollback()
    assert await value(connection, "SELECT count(*) FROM sqlite_schema") == 0


# -- constraints -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ddl", "constraint"),
    [
        ("CREATE UNIQUE INDEX t_a ON t (a)", "t_a"),
        ('CREATE UNIQUE INDEX "odd ""name" ON t (a)', 'odd "name'),
        ("CREATE UNIQUE INDEX t_a ON t (a) WHERE a > 0", "t_a"),
        ("CREATE UNIQUE INDEX t_a ON t (a); CREATE UNIQUE INDEX t_a_too ON t (a)", None),
        ("CREATE INDEX t_a ON t (a); CREATE UNIQUE INDEX t_abc ON t (a, b); CREATE UNIQUE INDEX u ON t (a)", "u"),
    ],
)
async def test_a_unique_index_is_named_where_only_one_can_be_meant(connection, ddl, constraint):
    await connection.script(f"CREATE TABLE t (a integer, b integer); {ddl}")
    await connection.execute("INSERT INTO t VALUES (1, 1)")
    with pytest.raises(ConstraintError) as caught:
        await connection.execute("INSERT INTO t VALUES (1, 2)")
    assert (caught.value.constraint, caught.value.table, caught.value.columns) == (constraint, "t", ("a",))


async def test_a_unique_clause_has_no_name_in_sqlite_so_only_its_columns_are_told(connection):
    await connection.script('CREATE TABLE "my.table" (a integer, b integer, CONSTRAINT lost UNIQUE (a, b)) STRICT')
    await connection.execute('INSERT INTO "my.table" VALUES (1, 1)')
    with pytest.raises(ConstraintError) as caught:
        await connection.execute('INSERT INTO "my.table" VALUES (1, 1)')
    assert (caught.value.constraint, caught.value.table, caught.value.columns) == (None, "my.table", ("a", "b"))


async def test_a_strict_table_refuses_a_wrong_type_as_a_database_error(connection):
    await connection.script("CREATE TABLE t (a integer) STRICT")
    with pytest.raises(DatabaseError) as caught:
        await connection.execute("INSERT INTO t VALUES ('x')")
    assert caught.value.sqlstate == "SQLITE_CONSTRAINT_DATATYPE"


# -- refused text, odd values ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sql", ["ATTACH ?1 AS evil", "ATTACH 'evil.db' AS evil", "VACUUM INTO 'evil.db'"])
async def test_sql_text_cannot_open_another_file(connection, sql, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnsupportedError, match="ATTACH"):
        await connection.execute(sql, ("evil.db",) if "?" in sql else ())
    assert not Path("evil.db").exists()
    await connection.execute("VACUUM")


async def test_text_that_is_no_utf8_is_an_error_that_does_not_show_it(connection):
    with pytest.raises(DatabaseError, match="Could not decode") as caught:
        await connection.fetch("SELECT CAST(x'63616e617279ff' AS text) AS name", (), list)
    assert "canary" not in str(caught.value)


async def test_two_statements_in_one_text_are_refused(connection):
    with pytest.raises(DatabaseError, match="one statement"):
        await connection.execute("SELECT 1; SELECT 2")


# -- cancellation by token ---------------------------------------------------------------------------------------------


async def test_a_late_interrupt_never_reaches_the_next_statement(connection):
    """Deadlines that fall on the very end of their statement, and a statement right after each."""
    sql = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) SELECT count(*) FROM n"
    deadline = 0.001
    late = 0
    for number in range(200):
        try:
            await connection.fetch(sql, (), list, deadline)
            deadline *= 0.93
        except DeadlineError:
            late += 1
            deadline *= 1.07
        assert await value(connection, "SELECT ?1", number) == number
    assert not connection.broken
    assert 20 < late < 180


async def test_a_statement_queued_behind_another_is_never_begun_once_it_is_cancelled(connection):
    await connection.script("CREATE TABLE t (id integer)")
    first = asyncio.create_task(connection.fetch(COUNTING, (), list, 0.5))
    await asyncio.sleep(0.05)
    second = asyncio.create_task(connection.execute("INSERT INTO t VALUES (1)"))
    await asyncio.sleep(0.05)
    second.cancel()
    began = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert not first.done()
    assert time.monotonic() - began < 5
    with pytest.raises(DeadlineError):
        await first
    assert not connection.broken
    assert await value(connection, "SELECT count(*) FROM t") == 0


async def test_a_load_that_cannot_be_interrupted_costs_the_connection_not_the_caller(connection):
    began = time.monotonic()
    with pytest.raises(DeadlineError):
        await connection.fetch("SELECT 1", (), lambda _found: time.sleep(1.5), 0.1)
    assert time.monotonic() - began < 1.2
    assert connection.broken
    with pytest.raises(ConnectError):
        await connection.execute("SELECT 1")
    # Its thread ends by itself; the next test must not meet it.
    await asyncio.sleep(1.5)


async def left_as_it_opened(connection: SqliteConnection, sql: str) -> asyncio.CancelledError:
    """Cancel a caller between the answer of the thread and its own next step, and return what it ended with."""
    task = asyncio.create_task(connection.cursor(sql, (), 1, "alone"))
    await asyncio.sleep(0)
    # The loop stands still while the thread answers; then it hears the answer first, and the cancellation after it.
    time.sleep(0.1)
    asyncio.get_running_loop().call_soon(task.cancel)
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    return caught.value


@pytest.mark.parametrize("end", ["commit", "rollback"])
async def test_a_cursor_that_its_caller_never_got_ends_with_the_transaction(connection, other, end):
    await connection.script("CREATE TABLE t (id integer); INSERT INTO t VALUES (1), (2), (3)")
    await connection.begin(Begin(deferred=True))
    # As long as somebody keeps the exception, its traceback keeps the answer.
    kept = await left_as_it_opened(connection, "SELECT id FROM t")
    await (connection.commit() if end == "commit" else connection.rollback())
    assert not connection.in_transaction
    await other.execute("INSERT INTO t VALUES (4)")
    await connection.begin(Begin())
    await connection.execute("INSERT INTO t VALUES (5)")
    await connection.commit()
    assert await value(connection, "SELECT count(*) FROM t") == 5
    del kept


async def test_a_statement_that_is_still_read_counts_as_a_transaction(connection):
    await connection.script("CREATE TABLE t (id integer); INSERT INTO t VALUES (1), (2), (3)")
    cursor = await connection.cursor("SELECT id FROM t", (), 1, "alone")
    assert connection.in_transaction
    await cursor.close()
    assert not connection.in_transaction


NO_UTF8 = "CAST(x'63ff' AS text)"


@pytest.mark.parametrize(
    "read",
    [
        lambda one: one.fetch(f"SELECT {NO_UTF8} FROM t", (), list),
        lambda one: one.query(f"SELECT {NO_UTF8} FROM t", (), lambda _names, rows, _count: rows),
        lambda one: one.execute(f"SELECT {NO_UTF8} FROM t"),
        lambda one: one.script(f"SELECT {NO_UTF8} FROM t"),
    ],
    ids=["fetch", "query", "execute", "script"],
)
async def test_a_row_that_cannot_be_read_leaves_no_statement_open(connection, other, read):
    await connection.script("CREATE TABLE t (id integer); INSERT INTO t VALUES (1), (2), (3)")
    with pytest.raises(DatabaseError, match="Could not decode") as kept:
        await read(connection)
    await other.execute("INSERT INTO t VALUES (4)")
    await connection.execute("INSERT INTO t VALUES (5)")
    assert await value(connection, "SELECT count(*) FROM t") == 5
    del kept


async def test_a_commit_that_was_done_beside_its_deadline_and_a_cancellation_is_told_as_done(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
):
    commit = jobs.commit

    def slow(turn: jobs.Turn, sql: str, params: Any) -> None:
        # The thread comes late with an answer that nothing can interrupt any more.
        commit(turn, sql, params)
        time.sleep(0.3)

    monkeypatch.setattr(jobs, "commit", slow)
    told: list[str] = []
    async with Repo(sqlite_url, pool_size=1, timeout=0.2) as repo:
        await repo.query("CREATE TABLE t (id integer)")

        async def work() -> None:
            async with repo.transaction():
                await repo.query("INSERT INTO t VALUES (1)")
                repo.after_commit(lambda: told.append("stored"))
                asyncio.get_running_loop().call_later(0.1, task.cancel)

        task = asyncio.create_task(work())
        with pytest.raises(asyncio.CancelledError):
            await task
        assert told == ["stored"]
        assert (await repo.query("SELECT count(*) FROM t")).rows == [(1,)]


# -- processes ---------------------------------------------------------------------------------------------------------

WRITER = """
    import asyncio, sys, time
    from ectype.adapters.base import Begin
    from ectype.adapters.registry import adapter_for

    async def main():
        connection = await adapter_for(sys.argv[1]).connect(20)
        slowest = 0.0
        for _ in range(int(sys.argv[2])):
            began = time.monotonic()
            await connection.begin(Begin())
            [(count,)] = await connection.fetch("SELECT count FROM counter", (), list)
            await connection.execute("UPDATE counter SET count = ?1", (count + 1,))
            await connection.commit()
            slowest = max(slowest, time.monotonic() - began)
        await connection.close()
        print(slowest)

    asyncio.run(main())
"""


async def test_eight_processes_write_one_file_and_none_sees_it_locked(connection, sqlite_url):
    await connection.script("CREATE TABLE counter (count integer); INSERT INTO counter VALUES (0)")
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(WRITER), sqlite_url, "400"]
    writers = [
        await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(8)
    ]
    async with asyncio.timeout(110):
        said = [await writer.communicate() for writer in writers]
    assert [error.decode() for _, error in said] == [""] * 8
    assert await value(connection, "SELECT count FROM counter") == 8 * 400


def test_eight_processes_may_open_a_new_file_at_once(tmp_path):
    text = """
        import asyncio, sys
        from ectype.adapters.registry import adapter_for

        async def main():
            connection = await adapter_for(sys.argv[1]).connect(20)
            await connection.close()

        asyncio.run(main())
    """
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(text), f"sqlite:///{tmp_path / 'new.db'}"]
    openers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(8)]
    assert [opener.communicate(timeout=60)[1] for opener in openers] == [""] * 8


@pytest.mark.parametrize("state", ["idle", "in a transaction", "in a statement"])
def test_a_program_that_forgets_to_close_ends_at_once(tmp_path, state):
    text = """
        import asyncio, sys
        from ectype.adapters.base import Begin
        from ectype.adapters.registry import adapter_for

        kept = []

        async def main():
            connection = await adapter_for(sys.argv[1]).connect(5)
            kept.append(connection)
            await connection.execute("CREATE TABLE t (id integer)")
            if sys.argv[2] != "idle":
                await connection.begin(Begin())
                await connection.execute("INSERT INTO t VALUES (1)")
            if sys.argv[2] == "in a statement":
                kept.append(asyncio.ensure_future(connection.fetch(sys.argv[3], (), list)))
                await asyncio.sleep(0.1)

        asyncio.run(main())
    """
    began = time.monotonic()
    run_script(text, f"sqlite:///{tmp_path / 'x.db'}", state, COUNTING, seconds=20)
    assert time.monotonic() - began < 10
    with sqlite3.connect(tmp_path / "x.db") as after:
        assert after.execute("SELECT count(*) FROM t").fetchone() == (0,)
    after.close()


def test_a_program_that_ends_while_it_connects_leaves_no_thread_that_fails(tmp_path: Path):
    text = """
        import asyncio, sys, threading
        from ectype.adapters.registry import adapter_for

        failed = []
        threading.excepthook = failed.append

        async def main():
            connecting = asyncio.create_task(adapter_for(sys.argv[1]).connect(5))
            await asyncio.sleep(0)
            connecting.cancel()

        for _ in range(2_000):
            asyncio.run(main())
        print(len(failed))
    """
    done = run_script(text, f"sqlite:///{tmp_path / 'x.db'}", seconds=60)
    assert (done.stdout.strip(), done.stderr) == ("0", "")


def test_importing_ectype_or_the_registry_imports_no_driver():
    done = run_script(
        """
        import sys
        import ectype, ectype.adapters.registry
        ectype.adapters.registry.parse("postgresql://db/blog")
        print({"asyncpg", "aiosqlite", "sqlite3"} & set(sys.modules))
        """
    )
    assert (done.stdout.strip(), done.stderr) == ("set()", "")

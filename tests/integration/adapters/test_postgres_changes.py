"""Tables and types that change under prepared statements: outside a transaction nobody hears of it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from ectype.adapters.base import Begin
from ectype.adapters.postgres_connection import PostgresConnection
from ectype.adapters.registry import adapter_for
from ectype.errors import CastError, DatabaseError, StaleStatementError
from ectype.repo.repo import Repo

pytestmark = pytest.mark.postgres

SET_UP = """
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE moods (id integer, mood mood);
CREATE UNIQUE INDEX moods_id ON moods (id);
INSERT INTO moods VALUES (1, 'good');
"""
READ = ("SELECT * FROM moods WHERE id = $1", (1,))
READ_BY_MOOD = ("SELECT id FROM moods WHERE mood = $1", ("good",))
UPSERT = (
    "INSERT INTO moods VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET mood = excluded.mood RETURNING id",
    (1, "good"),
)
RECREATE = """
ALTER TABLE moods DROP COLUMN mood; DROP TYPE mood;
CREATE TYPE mood AS ENUM ('good', 'bad', 'odd'); ALTER TABLE moods ADD COLUMN mood mood DEFAULT 'good';
"""
REINDEX = "DROP INDEX moods_id; CREATE UNIQUE INDEX moods_id_anew ON moods (id);"
CHANGES = [
    (READ, "ALTER TABLE moods ADD COLUMN note text"),
    (READ, "ALTER TABLE moods ALTER COLUMN mood TYPE text"),
    (READ, "ALTER TABLE moods DROP COLUMN mood"),
    (READ, RECREATE),
    (READ_BY_MOOD, RECREATE),
    (READ_BY_MOOD, "ALTER TYPE mood RENAME TO feeling"),
    (READ_BY_MOOD, "ALTER TYPE mood ADD VALUE 'odd'"),
    (UPSERT, RECREATE),
    (UPSERT, REINDEX),
    (UPSERT, "DROP TABLE moods; CREATE TABLE moods (id bigint PRIMARY KEY, mood text)"),
]
IDS = [
    "column added",
    "type changed",
    "column dropped",
    "enum anew, read",
    "enum anew, parameter",
    "enum renamed",
    "enum value added",
    "enum anew, write",
    "index anew, ON CONFLICT",
    "table anew, write",
]


@pytest.fixture
async def connection(fresh_postgres_url: str) -> AsyncIterator[PostgresConnection]:
    connection = await adapter_for(fresh_postgres_url).connect(5)
    await connection.script(SET_UP)
    yield connection
    await connection.close()


@pytest.fixture
async def other(fresh_postgres_url: str) -> AsyncIterator[PostgresConnection]:
    other = await adapter_for(fresh_postgres_url).connect(5)
    yield other
    await other.close()


async def fetched(connection: PostgresConnection, statement: tuple[str, tuple[Any, ...]]) -> Any:
    sql, params = statement
    return await connection.fetch(sql, params, lambda rows: [row[0] for row in rows])


@pytest.mark.parametrize(("statement", "change"), CHANGES, ids=IDS)
@pytest.mark.parametrize("call", ["fetch", "execute", "fetch_many", "query"])
async def test_outside_a_transaction_a_change_costs_nobody_an_error(connection, other, statement, change, call):
    sql, params = statement

    async def run() -> Any:
        if call == "fetch":
            return await fetched(connection, statement)
        if call == "execute":
            return await connection.execute(sql, params)
        if call == "fetch_many":
            return await connection.fetch_many(sql, [params], lambda rows: [row[0] for row in rows])
        return await connection.query(sql, params, lambda _names, rows, _count: [row[0] for row in rows])

    before = await run()
    for _ in range(2):
        await run()
    await other.script(change)
    assert await run() == before
    assert await run() == before
    assert not connection.broken


@pytest.mark.parametrize(("statement", "change"), CHANGES, ids=IDS)
async def test_inside_a_transaction_a_change_raises_one_clear_error_or_none(connection, other, statement, change):
    await fetched(connection, statement)
    await connection.begin(Begin())
    await other.script(change)
    stale: StaleStatementError | None = None
    try:
        assert await fetched(connection, statement) == [1]
    except StaleStatementError as exc:
        stale = exc
    if stale is not None:
        assert "retries=1" in str(stale.hint)
        assert stale.sqlstate in {"0A000", "XX000"}
        await connection.rollback()
        await connection.begin(Begin())
        assert await fetched(connection, statement) == [1]
    await connection.commit()


async def test_a_retry_of_the_whole_transaction_sees_the_table_as_it_is(fresh_postgres_url, connection, other):
    async with Repo(fresh_postgres_url, pool_size=3) as repo:
        tries = 0

        async def work() -> list[Any]:
            nonlocal tries
            tries += 1
            return await repo._session.fetch(*READ, list)

        await repo._session.fetch(*READ, list)
        await other.script("ALTER TABLE moods ADD COLUMN note text")
        with pytest.raises(StaleStatementError):
            await repo.transact(work)
        await repo._session.fetch(*READ, list)
        await other.script("ALTER TABLE moods ADD COLUMN second text")
        tries = 0
        [row] = await repo.transact(work, retries=1)
        assert (len(row), tries) == (4, 2)


async def test_one_that_meets_a_change_tells_all_connections_of_its_adapter(fresh_postgres_url, other):
    await other.script(SET_UP)
    adapter = adapter_for(fresh_postgres_url)
    first, second = await adapter.connect(5), await adapter.connect(5)
    for connection in (first, second):
        await fetched(connection, READ)
    await other.script("ALTER TABLE moods ADD COLUMN note text")
    await first.begin(Begin())
    with pytest.raises(StaleStatementError):
        await fetched(first, READ)
    await first.rollback()
    await second.begin(Begin())
    assert await fetched(second, READ) == [1]
    await second.rollback()
    for connection in (first, second):
        await connection.close()


@pytest.mark.parametrize("inside", [False, True], ids=["alone", "in a transaction"])
async def test_a_column_that_grew_takes_large_numbers_at_once(connection, other, inside):
    grown = ("INSERT INTO moods (id) VALUES ($1) RETURNING id", (2**40,))
    with pytest.raises(CastError, match=r"parameter \$1"):
        await fetched(connection, grown)
    await other.script("ALTER TABLE moods ALTER COLUMN id TYPE bigint")
    if inside:
        await connection.begin(Begin())
    assert await fetched(connection, grown) == [2**40]
    assert await connection.execute("UPDATE moods SET id = $1 WHERE id = $2", (2**41, 2**40)) == 1


async def test_a_parameter_that_does_not_fit_stays_an_error_and_keeps_what_is_prepared(connection):
    await fetched(connection, READ)
    for _ in range(3):
        with pytest.raises(CastError, match=r"parameter \$1"):
            await fetched(connection, (READ[0], ("one",)))
    names = "SELECT count(*) FROM pg_prepared_statements WHERE statement = $1"
    assert await connection.fetch(names, (READ[0],), lambda rows: rows[0][0]) == 1


async def test_an_index_that_is_gone_is_told_and_its_return_is_noticed(connection, other):
    await fetched(connection, UPSERT)
    await other.script("DROP INDEX moods_id")
    with pytest.raises(DatabaseError) as caught:
        await fetched(connection, UPSERT)
    assert caught.value.sqlstate == "42P10"
    await other.script("CREATE UNIQUE INDEX moods_id ON moods (id)")
    assert await fetched(connection, UPSERT) == [1]


@pytest.mark.parametrize("params", [("one",), (1, 2)], ids=["wrong type", "too many"])
async def test_a_statement_that_was_never_sent_holds_no_lock(connection, other, params):
    with pytest.raises((CastError, DatabaseError)):
        await fetched(connection, (READ[0], params))
    await other.script("SET lock_timeout = '5s'; ALTER TABLE moods ADD COLUMN note text")
    assert not connection.in_transaction


async def test_a_value_added_to_an_enum_is_refused_until_its_transaction_has_committed_and_says_so(connection):
    await connection.begin(Begin())
    await connection.script("ALTER TYPE mood ADD VALUE 'odd'")
    with pytest.raises(DatabaseError) as caught:
        await connection.execute("INSERT INTO moods VALUES (2, 'odd')")
    assert caught.value.sqlstate == "55P04"
    assert "committed before" in str(caught.value.hint)
    await connection.rollback()
    await connection.script("ALTER TYPE mood ADD VALUE 'odd'")
    assert await connection.execute("INSERT INTO moods VALUES (2, $1)", ("odd",)) == 1

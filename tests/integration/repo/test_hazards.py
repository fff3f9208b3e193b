"""What goes wrong between transactions, on real servers; the numbers are those of a list of known hazards."""
# ruff: noqa: PT012  # the blocks are what is tested here

import asyncio
from contextlib import suppress
from enum import StrEnum
from typing import Any

import pytest

from ectype import (
    ConnectError,
    DatabaseError,
    DeadlineError,
    Field,
    LockNotAvailableError,
    Multi,
    MultiError,
    Repo,
    Schema,
    TransactionAbortedError,
    do_nothing,
    field,
    fn,
    from_,
    literal,
    pg_enum,
    replace,
    replace_all,
    telemetry,
)
from ectype.repo.outcomes import Ignored

SECONDS = 20.0


class Item(Schema, table="items"):
    id: Field[int] = field(primary_key=True)
    slug: Field[str | None] = field(default=None)
    count: Field[int] = field(default=0)


MAKE = "create table items (id bigint primary key, slug text, count bigint not null default 0)"


@pytest.fixture
async def items(database_url: str) -> Any:
    async with Repo(database_url, pool_size=4) as repo:
        await repo.query(MAKE if database_url.startswith("postgres") else f"{MAKE.replace('bigint', 'integer')} strict")
        yield repo


@pytest.fixture
async def postgres_items(fresh_postgres_url: str) -> Any:
    async with Repo(fresh_postgres_url, pool_size=4) as repo:
        await repo.query(MAKE)
        yield repo


def detached(repo: Repo, work: Any) -> "asyncio.Task[Any]":
    with repo.detached():
        return asyncio.create_task(work)


# --- both databases


async def test_an_update_that_reads_first_is_lost_and_one_that_counts_in_the_database_is_not(items: Repo):
    """Row 43: what `inc` does is not lost; `optimistic_lock` and `for_update` are tested beside this."""
    await items.insert(Item(id=1))
    await asyncio.gather(*(items.update_all(Item, Item.count.inc(1)) for _ in range(20)))
    assert (await items.get_or_raise(Item, 1)).count == 20


async def test_one_row_twice_in_an_upsert_of_many_is_told_by_the_database_or_the_last_one_wins(items: Repo):
    """Row 45: PostgreSQL refuses it (21000), SQLite writes one after the other; neither stores half."""
    await items.query("create unique index items_slug on items (slug)")
    rows = [{"id": 1, "slug": "a", "count": 1}, {"id": 2, "slug": "a", "count": 2}]
    write = items.insert_all(Item, rows, on_conflict=replace(Item.count), conflict_target=Item.slug)
    if items.adapter.dialect.unnest_insert:
        with pytest.raises(DatabaseError) as caught:
            await write
        assert caught.value.sqlstate == "21000"
        assert await items.aggregate(Item, fn.count()) == 0
        return
    await write
    assert await items.all(from_(Item).select(Item.id, Item.count)) == [(1, 2)]


async def test_what_a_conflict_kept_from_being_written_is_not_told_as_written(items: Repo):
    """Row 46."""
    await items.insert(Item(id=1, slug="first"))
    outcome = await items.upsert(Item(id=1, slug="second"), on_conflict=do_nothing(), conflict_target=Item.id)
    assert isinstance(outcome, Ignored)
    assert outcome.struct == await items.get(Item, 1)
    assert await items.upsert(Item(id=1, slug="third"), on_conflict=do_nothing()) == Ignored(None)
    rows = [{"id": 1}, {"id": 2}]
    assert await items.insert_all(Item, rows, on_conflict=do_nothing(), returning=Item.id) == [2]


@pytest.mark.parametrize("count", [32_766, 32_767, 32_768, 65_535, 65_536, 300_000])
async def test_any_number_of_rows_and_of_listed_values_is_sent(items: Repo, count: int):
    """Row 61: a statement takes 32,767 parameters on PostgreSQL, and as many as it was built for on SQLite."""
    rows = [{"id": number, "count": number % 7} for number in range(count)]
    assert await items.insert_all(Item, rows) == count
    keys = list(range(0, count * 2))
    assert await items.aggregate(from_(Item).where(Item.id.in_(keys)), fn.count()) == count
    assert await items.update_all(from_(Item).where(Item.id.in_(keys[: count - 1])), Item.count.set(1)) == count - 1
    assert await items.delete_all(from_(Item).where(Item.id.in_(keys))) == count


@pytest.mark.postgres
async def test_a_text_with_more_gaps_than_the_driver_takes_is_refused_with_the_fix(postgres_items: Repo):
    """Row 61."""
    text: Any = f"select count(*) from items where id in ({', '.join(['{}'] * 32_768)})"
    with pytest.raises(DatabaseError, match="cannot exceed 32767") as caught:
        await postgres_items.query(text, *range(32_768))
    assert "`id = ANY({})` with `literal(ids, list[int])`" in str(caught.value.hint)
    many = literal(list(range(100_000)), list[int])
    found = await postgres_items.query("select count(*) from items where id = any({})", many)
    assert found.rows == [(0,)]


async def test_an_upsert_outlives_a_unique_index_that_is_made_anew(items: Repo):
    """Row 47: in a transaction and outside of one, on a connection that has the statement prepared."""
    for number in range(4):
        await items.query("create unique index items_slug on items (slug)")
        for _ in range(2):
            outcome = await items.upsert(
                Item(id=number, slug=f"s{number}"), on_conflict=replace_all(), conflict_target=Item.slug
            )
            assert outcome.struct is not None
        async with items.transaction():
            await items.upsert(Item(id=number, slug=f"s{number}"), on_conflict=replace_all(), conflict_target=Item.slug)
        await items.query("drop index items_slug")
        with pytest.raises(DatabaseError):
            await items.upsert(Item(id=9, slug="x"), on_conflict=replace_all(), conflict_target=Item.slug)
    assert await items.aggregate(Item, fn.count()) == 4


async def test_an_index_that_another_connection_has_made_is_seen_by_every_write(items: Repo):
    """Row 47: SQLite looks at its own memory of the schema first."""
    async with items.transaction():
        await items.exists(Item)
    held = [await items.pool.acquire(SECONDS) for _ in range(3)]
    for connection in held:
        await connection.execute("SELECT count(*) FROM items")
        items.pool.release(connection)
    await items.query("create unique index items_slug on items (slug)")

    async def write(number: int) -> None:
        # Each has keys of its own: a conflict of two writers on the key is not what the target catches.
        async with items.checkout():
            await ready.wait()
            if number % 2:
                rows = [{"id": 10 * number + place, "slug": f"s{place}"} for place in range(3)]
                await items.insert_all(Item, rows, on_conflict=replace(Item.count), conflict_target=Item.slug)
            else:
                item = Item(id=10 * number + 9, slug="s9")
                await items.upsert(item, on_conflict=replace(Item.count), conflict_target=Item.slug)

    ready = asyncio.Barrier(4)
    await asyncio.gather(*(write(number) for number in range(4)))
    assert await items.aggregate(Item, fn.count()) == 4


async def test_a_table_that_is_altered_between_calls_does_not_break_them(items: Repo):
    """Row 58: outside a transaction a prepared statement is prepared anew; inside, `retries` runs it all again."""
    await items.insert(Item(id=1))
    for number in range(3):
        assert (await items.one_or_raise(Item)).id == 1
        await items.query(f"alter table items add column more{number} text")  # type: ignore[arg-type]
        result = await items.query("select * from items")
        assert len(result.columns) == 4 + number
        assert (await items.one_or_raise(Item)).id == 1


async def test_a_lock_that_is_not_free_in_time_is_an_error_of_its_own(database_url: str):
    """Row 51; and SQLite's own."""
    postgres = database_url.startswith("postgres")
    url = database_url if postgres else f"{database_url}?busy_timeout=60"
    async with Repo(url, pool_size=3) as repo:
        await repo.query(MAKE if postgres else f"{MAKE.replace('bigint', 'integer')} strict")
        await repo.insert(Item(id=1))
        tries = 0

        async def impatient() -> int:
            nonlocal tries
            tries += 1
            if postgres:
                await repo.query("set local lock_timeout = '60ms'")
            return await repo.update_all(Item, Item.count.inc(1))

        async with repo.transaction():
            await repo.update_all(Item, Item.count.inc(1))
            with pytest.raises(LockNotAvailableError) as caught:
                await detached(repo, repo.transact(impatient))
            assert caught.value.transient
            assert caught.value.sqlstate == ("55P03" if postgres else "SQLITE_BUSY")
            tries = 0
            waiting = detached(repo, repo.transact(impatient, retries=1_000))
            while tries < 3 and postgres:
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.15)
        assert await asyncio.wait_for(waiting, SECONDS) == 1
        assert (await repo.get_or_raise(Item, 1)).count == 2


async def test_a_deadline_over_all_tries_ends_them(items: Repo):
    async def lose() -> None:
        await items.exists(Item)
        raise DatabaseError("lost", sqlstate="40001")

    await items.exists(Item)  # connected, since that counts too
    async with asyncio.timeout(SECONDS):
        with pytest.raises((DatabaseError, DeadlineError)) as caught:
            await items.transact(lose, retries=1_000_000, timeout=1.5)
    # The deadline is met between two tries, or inside one.
    assert "tried " in str(caught.value.__notes__)

    tries: list[int] = []

    async def lose_and_wait() -> None:
        tries.append(len(tries))
        if len(tries) == 3:
            await asyncio.sleep(2)
        await lose()

    with pytest.raises(DeadlineError, match="ran past its `timeout=`") as late:
        await items.transact(lose_and_wait, retries=1_000_000, timeout=1.5)
    assert late.value.__notes__ == ["tried 3 times"]

    async def wait() -> None:
        await asyncio.sleep(0.2)
        await items.exists(Item)

    with pytest.raises(DeadlineError, match="ran past its `timeout=`"):
        await items.transact(wait, timeout=0.1, read_only=True)
    with pytest.raises(MultiError) as failed:
        await items.transact(Multi().run("wait", lambda repo, done: wait()), timeout=0.1)
    assert isinstance(failed.value.value, DeadlineError)


async def test_a_transaction_that_only_reads_refuses_to_write_on_postgresql_and_begins_so_on_sqlite(items: Repo):
    async def write() -> None:
        await items.insert(Item(id=1))

    if items.adapter.dialect.transaction_id is None:
        await items.transact(write, read_only=True)
        return
    with pytest.raises(DatabaseError, match="read-only"):
        await items.transact(write, read_only=True)
    assert (
        await items.transact(lambda: items.exists(Item), isolation="serializable", read_only=True, deferrable=True)
        is False
    )


async def test_a_transaction_that_waits_for_something_else_is_told_of(items: Repo):
    """Row 53."""
    told: list[Any] = []
    with telemetry.attach("ectype.repo.transaction_idle", told.append):
        async with items.transaction():
            await items.insert(Item(id=1))
            await asyncio.sleep(0.1)
            await items.exists(Item)
            assert [one.seconds >= 0.1 for one in told] == [True]
            told.clear()
            async with items.transaction():
                await asyncio.sleep(0.1)
            assert len(told) == 1
        told.clear()
        async with items.checkout():
            await items.exists(Item)
            await asyncio.sleep(0.1)
            await items.exists(Item)
        assert told == []


# --- PostgreSQL alone


@pytest.mark.postgres
async def test_a_table_that_is_altered_inside_a_transaction_makes_it_run_again(
    postgres_items: Repo, fresh_postgres_url: str
):
    """Row 58, in a transaction: the server refuses the prepared statement, and takes it the next time."""
    repo = postgres_items
    await repo.insert(Item(id=1))
    tries = 0
    async with Repo(fresh_postgres_url, pool_size=1) as one, Repo(fresh_postgres_url, pool_size=1) as admin:

        async def reads() -> tuple[str, ...]:
            nonlocal tries
            tries += 1
            return (await one.query("select * from items")).columns

        tries = 0
        assert len(await one.transact(reads)) == 3
        await admin.query("alter table items add column more text")
        with pytest.raises(DatabaseError, match="cached plan must not change result type") as caught:
            await one.transact(reads)
        assert caught.value.transient
        await admin.query("alter table items add column still text")
        await one.query("select 1")
        tries = 0
        assert len(await one.transact(reads, retries=1)) == 5
        assert tries <= 2


class Mood(StrEnum):
    FINE = "fine"
    ODD = "odd"


class Moody(Schema, table="moody"):
    id: Field[int] = field(primary_key=True)
    mood: Field[Mood] = field(type=pg_enum(Mood, name="mood"))


@pytest.mark.postgres
async def test_an_enum_that_is_dropped_and_made_anew_is_written_and_read_again(fresh_postgres_url: str):
    """Row 59: its type has another number then."""
    async with Repo(fresh_postgres_url, pool_size=1) as repo, Repo(fresh_postgres_url, pool_size=1) as admin:
        for number in range(3):
            await admin.query("create type mood as enum ('fine', 'odd')")
            await admin.query("create table moody (id bigint primary key, mood mood not null)")
            for _ in range(2):
                await repo.delete_all(Moody)
                await repo.insert(Moody(id=number, mood=Mood.ODD))
                assert (await repo.get_or_raise(Moody, number)).mood is Mood.ODD
                async with repo.transaction():
                    await repo.insert(Moody(id=number + 10, mood=Mood.FINE))
                    assert await repo.aggregate(from_(Moody).where(Moody.mood == Mood.FINE), fn.count()) == 1
            await admin.query("drop table moody")
            await admin.query("drop type mood")


@pytest.mark.postgres
@pytest.mark.parametrize("how", ["deadline", "cancellation"])
async def test_a_statement_that_is_given_up_is_gone_from_the_server(postgres_items: Repo, how: str):
    """Row 49: the server does not work on for nobody, and the connection is good for the next call."""
    repo = postgres_items
    task = asyncio.create_task(repo.query("select pg_sleep(60)", timeout=0.3 if how == "deadline" else None))
    running = "select count(*) from pg_stat_activity where datname = current_database() and query like 'select pg_sl%'"
    async with asyncio.timeout(SECONDS):
        while (await repo.query(running + " and state = 'active'")).rows == [(0,)] and not task.done():  # type: ignore[arg-type]
            await asyncio.sleep(0.005)
        if how == "cancellation":
            task.cancel()
        with pytest.raises((DeadlineError, asyncio.CancelledError)):
            await task
        while (await repo.query(running + " and state = 'active'")).rows != [(0,)]:  # type: ignore[arg-type]
            await asyncio.sleep(0.005)
    assert await repo.exists(Item) is False


@pytest.mark.postgres
async def test_the_servers_own_timeouts_name_their_cause(fresh_postgres_url: str):
    """Rows 48 and 50."""
    async with Repo(fresh_postgres_url, pool_size=1) as repo:
        async with repo.transaction() as tx:
            await repo.query("set local statement_timeout = '30ms'")
            with pytest.raises(DeadlineError, match="57014"):
                await repo.query("select pg_sleep(60)")
            tx.rollback()
        with pytest.raises(ConnectError, match="idle_in_transaction_session_timeout"):
            async with repo.transaction() as tx:
                await repo.query("set local idle_in_transaction_session_timeout = '30ms'")
                async with asyncio.timeout(SECONDS):
                    while not repo._session.scope().lease.connection.broken:  # type: ignore[union-attr]
                        await asyncio.sleep(0.005)
                await repo.query("select 1")
        assert tx.rolled_back
        assert (await repo.query("select 1")).rows == [(1,)]


@pytest.mark.postgres
async def test_no_write_skew_survives_a_thousand_serializable_transactions(postgres_items: Repo):
    """Row 41: of two rows one at least stays above zero, whoever takes from them at once."""
    repo = postgres_items
    await repo.insert_all(Item, [{"id": 1, "count": 1}, {"id": 2, "count": 1}])
    anomalies = 0

    async def take(number: int) -> None:
        if await repo.aggregate(Item, fn.sum(Item.count)) == 2:
            await repo.update_all(from_(Item).where(Item.id == number), Item.count.set(0))

    for _ in range(60):
        await asyncio.gather(
            *(
                repo.transact(lambda number=number: take(number), isolation="serializable", retries=50)
                for number in (1, 2)
            )
        )
        anomalies += await repo.aggregate(Item, fn.sum(Item.count)) == 0
        await repo.update_all(Item, Item.count.set(1))
    assert anomalies == 0


@pytest.mark.postgres
async def test_crossed_updates_end_in_a_deadlock_that_is_run_again(fresh_postgres_url: str):
    """Row 40, many at once: every transaction is done once."""
    url = f"{fresh_postgres_url}{'&' if '?' in fresh_postgres_url else '?'}options=-cdeadlock_timeout%3D20ms"
    async with Repo(url, pool_size=8) as repo:
        await repo.query(MAKE)
        await _crossed(repo)


async def _crossed(repo: Repo) -> None:
    await repo.insert_all(Item, [{"id": number} for number in range(4)])

    async def cross(order: list[int]) -> None:
        for number in order:
            await repo.update_all(from_(Item).where(Item.id == number), Item.count.inc(1))

    orders = [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [1, 3, 0, 2]] * 2
    async with asyncio.timeout(60):
        await asyncio.gather(*(repo.transact(lambda order=order: cross(order), retries=100) for order in orders))
    assert await repo.all(from_(Item).order_by(Item.id).select(Item.count)) == [8] * 4


@pytest.mark.postgres
async def test_a_constraint_that_is_checked_at_commit_is_an_error_and_runs_no_callback(postgres_items: Repo):
    """Rows 39 and 54."""
    repo = postgres_items
    await repo.query(
        "create table parts (id bigint primary key, item_id bigint references items (id) deferrable initially deferred)"
    )
    ran: list[str] = []
    with pytest.raises(DatabaseError) as caught:
        async with repo.transaction() as tx:
            await repo.query("insert into parts values (1, 9)")
            repo.after_commit(lambda: ran.append("committed"))
            repo.after_rollback(lambda: ran.append("rolled back"))
    assert (caught.value.sqlstate, tx.rolled_back, ran) == ("23503", True, ["rolled back"])
    assert (await repo.query("select count(*) from parts")).rows == [(0,)]


@pytest.mark.postgres
async def test_a_notice_that_is_too_long_is_refused_by_name(postgres_items: Repo):
    """Row 57, for text of one's own."""
    with pytest.raises(DatabaseError, match="payload string too long") as caught:
        await postgres_items.query("select pg_notify('a', {})", "x" * 8_001)
    assert caught.value.sqlstate == "22023"


@pytest.mark.postgres
async def test_a_swallowed_error_is_told_at_the_end(postgres_items: Repo):
    """Row 37, through the repo."""
    with pytest.raises(TransactionAbortedError):
        async with postgres_items.transaction():
            await postgres_items.insert(Item(id=1))
            with suppress(DatabaseError):
                await postgres_items.insert(Item(id=1))
    assert await postgres_items.exists(Item) is False

"""Rows brought up to date batch by batch: committed, resumed, never done twice."""

import asyncio

import pytest

from ectype import migrations, telemetry
from ectype.errors import MigrationError, UnsupportedError
from ectype.migrations.events import BATCHED

on_postgres = pytest.mark.parametrize(
    "database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
FILL = 'backfill = Backfill("users", set="n = n + 1, slug = lower(name)", where="slug IS NULL", batch=10)'


@pytest.fixture
async def users(rows):
    await rows("CREATE TABLE users (id integer PRIMARY KEY, name text, slug text, n integer NOT NULL DEFAULT 0)")
    for number in range(1, 36):
        await rows(f"INSERT INTO users (id, name) VALUES ({number * 7}, 'USER{number}')")


@pytest.fixture
def fill(folder):
    def fill(text=FILL, name="slugs"):
        (folder / "backfills").mkdir(exist_ok=True)
        path = folder / "backfills" / f"{name}.py"
        path.write_text(f"from ectype.migrations import Backfill\n\n{text}\n")
        return path

    return fill


async def test_every_row_is_changed_once_in_batches(repo, folder, users, fill, rows):
    fill()
    heard = []
    with telemetry.attach(BATCHED, lambda event: heard.append((event.batches, event.rows, event.updated))):
        result = await migrations.backfill(repo, "slugs", folder)
    assert heard == [(1, 10, 10), (2, 20, 20), (3, 30, 30), (4, 35, 35)]
    assert (result.rows, result.updated, result.batches, result.resumed) == (35, 35, 4, False)
    assert await rows("SELECT DISTINCT n, slug = lower(name) FROM users") in ([(1, True)], [(1, 1)])
    with pytest.raises(migrations.JournalMismatchError, match="went through before: 35 rows, 35 changed"):
        await migrations.backfill(repo, "slugs", folder)
    again = await migrations.backfill(repo, "slugs", folder, restart=True, batch=100)
    assert (again.rows, again.updated, again.batches) == (35, 0, 1)


async def test_an_interrupted_backfill_goes_on_after_the_last_batch(repo, folder, users, fill, rows):
    fill('backfill = Backfill("users", set="n = n + 1", batch=10)')
    running = asyncio.ensure_future(migrations.backfill(repo, "slugs", folder, pause=30))
    while await rows("SELECT count(*) FROM users WHERE n = 1") != [(10,)]:
        await asyncio.sleep(0.02)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    result = await migrations.backfill(repo, "slugs", folder)
    assert (result.rows, result.batches, result.resumed) == (35, 4, True)
    assert await rows("SELECT DISTINCT n FROM users") == [(1,)]


async def test_a_batch_that_fails_is_rolled_back_and_the_next_run_goes_on_with_it(repo, folder, users, fill, rows):
    fill('backfill = Backfill("users", set="n = n + 1", batch=10)')
    await rows("CREATE TABLE copy (id integer PRIMARY KEY, n integer NOT NULL DEFAULT 0 CHECK (id < 100 OR n < 1))")
    await rows("INSERT INTO copy (id) SELECT id FROM users")
    fill('backfill = Backfill("copy", set="n = n + 1", batch=10)', "broken")
    with pytest.raises(migrations.BackfillFailedError, match=r"batch 2 of the backfill broken failed: ") as caught:
        await migrations.backfill(repo, "broken", folder)
    assert "1 batches with 10 rows are done, `ectype backfill broken` goes on after them" in caught.value.message
    assert await rows("SELECT count(*) FROM copy WHERE n = 1") == [(10,)]


async def test_a_file_that_was_edited_half_way_asks_for_a_restart(repo, folder, users, fill, rows):
    fill(
        'backfill = Backfill("users", set="n = n + 1, slug = CASE WHEN id > 100 THEN missing END", batch=10)'.replace(
            "missing", "(SELECT min(name) FROM users AS u WHERE u.id = users.id)"
        )
    )
    running = asyncio.ensure_future(migrations.backfill(repo, "slugs", folder, pause=30))
    while await rows("SELECT count(*) FROM users WHERE n = 1") != [(10,)]:
        await asyncio.sleep(0.02)
    running.cancel()
    await asyncio.wait([running])
    fill()
    with pytest.raises(migrations.JournalMismatchError, match="was edited after 1 batches were done") as caught:
        await migrations.backfill(repo, "slugs", folder)
    assert "--restart" in (caught.value.hint or "")
    assert (await migrations.backfill(repo, "slugs", folder, restart=True)).rows == 35


async def test_runs_at_once_do_no_batch_twice(repo, folder, users, fill, rows):
    fill('backfill = Backfill("users", set="n = n + 1", batch=2)')
    outcomes = await asyncio.gather(
        *(migrations.backfill(repo, "slugs", folder) for _ in range(4)), return_exceptions=True
    )
    assert all(isinstance(one, migrations.BackfillResult | migrations.JournalMismatchError) for one in outcomes), (
        outcomes
    )
    assert await rows("SELECT DISTINCT n FROM users") == [(1,)]


async def test_migrations_do_not_see_backfills(repo, folder, users, fill, write):
    fill()
    await migrations.backfill(repo, "slugs", folder)
    write("1_a", "m.execute('CREATE TABLE a (x integer)', 'DROP TABLE a')")
    assert await migrations.migrate(repo, folder) == [1]
    assert [one.version for one in await migrations.status(repo, folder)] == [1]
    assert await migrations.verify(repo, folder) == []
    assert await migrations.rollback(repo, folder, all=True) == [1]


@pytest.mark.parametrize(
    ("type_", "values"),
    [
        ("text", [f"'{word}'" for word in ("b", "a", "it''s", "é", "B", "z z", "")]),
        ("bigint", [str(number) for number in (-5, 0, 2**62, 7, -(2**62))]),
        ("uuid", [f"'{number:032x}'" for number in (1, 3, 2, 9)]),
        ("timestamptz", ["'2026-01-01'", "'2026-01-01 00:00:00.000001'", "'2025-01-01'"]),
        ("numeric", ["1.5", "1.25", "-3"]),
    ],
)
@pytest.mark.parametrize("batch", [1, 2, 100])
async def test_keys_of_every_type_are_gone_through(repo, folder, fill, rows, type_, values, batch):
    if repo.adapter.dialect.target == "sqlite":
        type_ = {"bigint": "integer"}.get(type_, "text")
        values = [value if value.startswith("'") or type_ == "integer" else f"'{value}'" for value in values]
    await rows(f"CREATE TABLE t (k {type_} NOT NULL PRIMARY KEY, n integer NOT NULL DEFAULT 0)")
    for value in values:
        await rows(f"INSERT INTO t (k) VALUES ({value})")
    fill(f'backfill = Backfill("t", key="k", set="n = n + 1", batch={batch})', "keys")
    result = await migrations.backfill(repo, "keys", folder)
    assert (result.rows, result.updated) == (len(values), len(values))
    assert await rows("SELECT DISTINCT n FROM t") == [(1,)]


async def test_a_table_without_rows_is_done_at_once(repo, folder, fill, rows):
    await rows("CREATE TABLE users (id integer PRIMARY KEY, n integer)")
    fill('backfill = Backfill("users", set="n = 1")')
    assert (await migrations.backfill(repo, "slugs", folder)).batches == 0


REFUSED = [
    ('backfill = Backfill("users", set="n = 1", key="idd")', "there is no column `idd` in a table `users`"),
    ('backfill = Backfill("userz", set="n = 1")', "there is no column `id` in a table `userz`"),
    ('backfill = Backfill("users", set="n = 1", key="slug")', "`slug` of `users` may be NULL"),
    ('backfill = Backfill("us; DROP", set="n = 1")', "`table` of a backfill is 'us; DROP', which is no name"),
    ('backfill = Backfill("users", set=" ")', "a backfill sets nothing"),
    ('backfill = Backfill("users", set="n = 1", batch=0)', "`batch` must be 1 or more, got 0"),
    ("fill = 1", "has no `backfill`"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED, ids=[case[1] for case in REFUSED])
async def test_a_backfill_that_cannot_be_used_is_refused(repo, folder, users, fill, text, message):
    fill(text)
    with pytest.raises(MigrationError, match=message):
        await migrations.backfill(repo, "slugs", folder)


async def test_a_name_that_is_no_backfill_is_refused(repo, folder, fill):
    with pytest.raises(MigrationError, match="there is no backfill 'slug'") as caught:
        await migrations.backfill(repo, "slug", folder)
    assert "Backfill(" in caught.value.hint
    fill()
    for name in ("slug", "../slugs", "a/b"):
        with pytest.raises(MigrationError, match="there is no backfill"):
            await migrations.backfill(repo, name, folder)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_lag_of_replicas_on_sqlite_is_refused(repo, folder, fill):
    fill()
    with pytest.raises(UnsupportedError, match="SQLite can do: it has no replicas"):
        await migrations.backfill(repo, "slugs", folder, max_lag=2)


@on_postgres
async def test_a_replica_that_is_behind_is_waited_for(repo, folder, users, fill, monkeypatch):
    """There is no replica in the tests: what its lag says is handed in, the waiting is real."""
    lags = iter([9.0, 5.0, 1.0, 0.0, 0.0, 0.0])
    asked = []

    async def lag(connection):
        asked.append(next(lags))
        return asked[-1]

    fill()
    monkeypatch.setattr("ectype.migrations.backfilling._lag", lag)
    monkeypatch.setattr("ectype.migrations.backfilling.LAG_PAUSE_SECONDS", 0.01)
    heard = []
    with telemetry.attach(BATCHED, lambda event: heard.append(event.lag)):
        await migrations.backfill(repo, "slugs", folder, max_lag=2)
    assert heard == [1.0, 0.0, 0.0, 0.0]


@on_postgres
async def test_without_replicas_nothing_is_behind(repo, folder, users, fill):
    fill()
    assert (await migrations.backfill(repo, "slugs", folder, max_lag=2)).updated == 35

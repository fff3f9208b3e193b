"""Seven things that go wrong at somebody's desk: each is said in our own words, and the database stays as it was."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import pytest

from ectype import (
    CastError,
    ConfigError,
    ConnectError,
    ConstraintError,
    EctypeError,
    Field,
    InvalidChangesetError,
    MigrationError,
    PoolTimeoutError,
    QueryError,
    Repo,
    Schema,
    change,
    field,
    from_,
    migrations,
    primary_key,
)
from ectype.migrations import Migration


class Guest(Schema, table="guests"):
    id: Field[int] = primary_key()
    name: Field[str]
    seat: Field[int]
    badge: Field[str | None] = field(default=None, redact=True)


def create_guests(m: Migration) -> None:
    with m.create_table("guests") as t:
        t.column("name", str, null=False)
        t.column("seat", int, null=False)
        t.column("badge", str)
    m.create_index("guests", "seat", unique=True)


@pytest.fixture
async def repo(database_url: str) -> AsyncIterator[Repo]:
    async with Repo(database_url, pool_size=1) as opened:
        await migrations.up(opened, 1, create_guests)
        await opened.insert(Guest(name="Ada", seat=1))
        yield opened


async def guests(repo: Repo) -> list[tuple[str, int]]:
    return await repo.all(from_(Guest).order_by(Guest.id).select(Guest.name, Guest.seat))


def said(exc: pytest.ExceptionInfo[EctypeError]) -> str:
    """The message with its notes, as a traceback ends."""
    return "\n".join([str(exc.value), *getattr(exc.value, "__notes__", [])])


async def test_an_unknown_field(repo: Repo):
    with pytest.raises(QueryError) as exc:
        await repo.insert_all(Guest, [{"nme": "Eve", "seat": 2}])
    assert said(exc) == "field `nme` does not exist in Guest\n\nhint: did you mean `name`?"
    assert await guests(repo) == [("Ada", 1)]


async def test_a_wrong_type(repo: Repo):
    with pytest.raises(CastError) as exc:
        await repo.insert(Guest(name="Eve", seat="front"))  # type: ignore[arg-type]  # what the checkers refuse too
    assert said(exc) == (
        "expected an integer, got 'front' (str)\n\nhint: convert it first, or cast it through a changeset\n"
        "in the field `Guest.seat`"
    )
    assert await guests(repo) == [("Ada", 1)]


async def test_a_wrong_type_for_a_redacted_field_is_not_shown(repo: Repo):
    with pytest.raises(CastError) as exc:
        await repo.insert(Guest(name="Eve", seat=2, badge=b"4711"))  # type: ignore[arg-type]
    assert "4711" not in said(exc)
    assert said(exc) == (
        "a bytes that does not fit its column, not shown since it is redacted\n\n"
        "hint: convert it first, or cast it through a changeset\n"
        "in the field `Guest.badge`"
    )


async def test_an_unreachable_server():
    with pytest.raises(ConnectError) as exc:
        async with Repo("postgresql://ada:sesame@127.0.0.1:1/guests"):
            pass
    assert "sesame" not in said(exc)
    assert re.fullmatch(
        r"no connection to postgresql://ada:\*\*\*@127\.0\.0\.1:1/guests: .*\n\n"
        r"hint: is the server running there\? check host and port in the URL",
        said(exc),
        re.DOTALL,
    )


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (
            "mysql://ada:sesame@localhost/guests",
            r"'mysql://ada:\*\*\*@localhost/guests' names no database that ectype knows\n\n"
            r"hint: mysql is not supported yet; use postgresql:// or sqlite://",
        ),
        (
            "sqlite://guests.db",
            r"'sqlite://guests\.db' has a host, and SQLite has none\n\n"
            r'hint: three slashes make it a file: "sqlite:///guests\.db"',
        ),
    ],
    ids=["unknown scheme", "two slashes"],
)
def test_a_wrong_url(url: str, message: str):
    with pytest.raises(ConfigError) as exc:
        Repo(url)
    assert "sesame" not in said(exc)
    assert re.fullmatch(message, said(exc), re.DOTALL)


async def test_a_failing_migration(repo: Repo):
    def broken(m: Migration) -> None:
        m.create_index("guests", "name")
        m.execute("INSERT INTO nowhere VALUES (1)", "SELECT 1")

    with pytest.raises(MigrationError) as exc:
        await migrations.up(repo, 2, broken)
    assert re.fullmatch(
        r"2 broken failed going up, statement 2 of 2:\n\n"
        r"    INSERT INTO nowhere VALUES \(1\)\n\n"
        r"    .*nowhere.*\n\n"
        r"from code: rolled back: the database is unchanged\n\n"
        r"hint: is the migration applied that makes it\? .*",
        said(exc),
        re.DOTALL,
    )
    assert await migrations.applied(repo) == [1]
    # The index of the first command is gone with it, so that the mended migration can make it.
    await migrations.up(repo, 2, lambda m: m.create_index("guests", "name"))
    assert await migrations.applied(repo) == [1, 2]
    assert await guests(repo) == [("Ada", 1)]


async def test_a_full_pool(repo: Repo):
    entered, leave = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with repo.transaction():
            entered.set()
            await leave.wait()

    holder = asyncio.create_task(hold(), name="the slow report")
    await entered.wait()
    try:
        with pytest.raises(PoolTimeoutError) as exc:
            await repo.get(Guest, 1, timeout=0.2)
    finally:
        leave.set()
        await holder
    assert re.fullmatch(
        r"no connection of `repo` became free within 0\.2 s: 1 of 1 to .* are in use, 1 call waits; "
        r"held by `the slow report` for \d+\.\d s \(taken at .*test_bad_input\.py:\d+\)\n\n"
        r"hint: hold connections for a shorter time, or give the repo a larger `pool_size` \(now 1\)",
        said(exc),
    )
    assert await guests(repo) == [("Ada", 1)]


async def test_a_row_that_breaks_a_constraint(repo: Repo):
    eve = change(Guest, Guest.name.set("Eve"), Guest.seat.set(1))
    with pytest.raises(InvalidChangesetError) as invalid:
        await repo.insert(eve.unique_constraint(Guest.seat))
    assert invalid.value.changeset.traverse_errors() == {"seat": ["has already been taken"]}
    assert str(invalid.value).startswith(
        "could not insert Guest: its changeset is invalid\n\n    seat: has already been taken\n\nhint: "
    )

    with pytest.raises(ConstraintError) as undeclared:
        await repo.insert(eve)
    assert said(undeclared).endswith(
        "the unique constraint `guests_seat_index` over seat is not declared in the changeset of Guest, "
        "which declares none\n\n"
        "hint: to make it an error of the changeset, add\n\n    .unique_constraint(Guest.seat)"
    )
    assert await guests(repo) == [("Ada", 1)]

"""Every call that takes a query, or makes one, asks the hook: one that is added later has to say so here."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from ectype import (
    Field,
    HasMany,
    Query,
    QueryContext,
    Repo,
    Schema,
    UnsupportedError,
    change,
    field,
    fn,
    from_,
    has_many,
)
from ectype.migrations import Migration, up

SECRET = "s" * 16
WITHOUT = frozenset(
    {
        # Rows that are written by their key or by nothing, and what is read back of them.
        "insert", "insert_or_update", "try_insert", "update", "try_update", "delete", "try_delete", "upsert", "copy_in",
        # Text and names are the caller's.
        "query", "load", "table_exists", "notify", "listen",
        # No query at all.
        "open", "close", "with_options", "replica", "replica_after", "position", "transaction", "transact", "checkout",
        "detached", "in_transaction", "checked_out", "after_commit", "after_rollback",
    }
)  # fmt: skip


class Row(Schema, table="hooked_rows"):
    id: Field[int] = field(primary_key=True)
    name: Field[str]
    parent_id: Field[int | None] = field(default=None)
    hidden: Field[bool] = field(default=False)
    rows: "HasMany[Row]" = has_many(foreign_key="parent_id")


def rows(m: Migration) -> None:
    with m.create_table("hooked_rows") as t:
        t.column("name", str)
        t.column("parent_id", int)
        t.column("hidden", bool, null=False)


def shown(query: Query[Any, Any, Any], _context: QueryContext) -> Query[Any, Any, Any]:
    return query.where_each(Row, lambda row: ~row.hidden)


@pytest.fixture
async def everything(database_url: str) -> AsyncIterator[Repo]:
    """A row that everybody sees, and one beside it and one below it that the hook hides."""
    async with Repo(database_url) as repo:
        await up(repo, 1, rows)
        await repo.insert(Row(id=1, name="seen"))
        await repo.insert_all(Row, [{"id": key, "name": "hidden", "parent_id": 1, "hidden": True} for key in (2, 3)])
        yield repo


@pytest.fixture
async def repo(everything: Repo, database_url: str) -> AsyncIterator[Repo]:
    async with Repo(database_url, prepare_query=shown) as repo:
        yield repo


async def _streamed(repo: Repo) -> list[Any]:
    async with repo.stream(Row) as found:
        return [row.id async for row in found]


async def _copied(repo: Repo) -> list[Any]:
    pieces: list[bytes] = []

    async def keep(data: bytes) -> None:
        pieces.append(data)

    await repo.copy_out(from_(Row).select(Row.id), keep)
    return [int(line) for line in b"".join(pieces).split()]


async def _explained(repo: Repo) -> list[Any]:
    await repo.explain(Row, delete=True, analyze=True, rollback=False)
    return [1]


async def _preloaded(repo: Repo) -> list[Any]:
    row = await repo.preload(Row(id=1, name="x"), Row.rows)
    return [1, *[one.id for one in row.rows]]


async def _equal(repo: Repo) -> list[Any]:
    changeset = change(Row(id=9, name="x"), Row.name.set("hidden"))
    return [1] if (await repo.unsafe_validate_unique(changeset, Row.name)).valid else [2]


async def _inserted(repo: Repo) -> list[Any]:
    copies = from_(Row).select({"id": Row.id + 10, "name": Row.name, "hidden": Row.hidden})
    return [key - 10 for key in await repo.insert_all(Row, copies, returning=Row.id)]


async def _text(repo: Repo) -> list[Any]:
    return [1] if "hidden" in repo.to_sql(Row)[0].partition("WHERE")[2] else [2]


async def ids(found: Awaitable[Any]) -> list[Any]:
    """Return the keys of the row, or of the rows, that a call gives."""
    rows = await found
    return [row.id for row in (rows if isinstance(rows, list) else [rows]) if row is not None]


async def _exists(repo: Repo) -> list[Any]:
    return [key for key in (1, 2) if await repo.exists(from_(Row).where(Row.id == key))]


async def _aggregated(repo: Repo) -> list[Any]:
    return [await repo.aggregate(Row, fn.max(Row.id))]


async def _paged(repo: Repo) -> list[Any]:
    return [row.id for row in (await repo.page(from_(Row).order_by(Row.id), secret=SECRET)).rows]


async def _arrow(repo: Repo) -> list[Any]:
    return (await repo.to_arrow(Row)).column("id").to_pylist()


async def _polars(repo: Repo) -> list[Any]:
    return (await repo.to_polars(Row))["id"].to_list()


CALLS: dict[str, Callable[[Repo], Awaitable[list[Any]]]] = {
    "all": lambda repo: ids(repo.all(Row)),
    "all_by": lambda repo: ids(repo.all_by(Row, Row.id < 3)),
    "one": lambda repo: ids(repo.one(Row)),
    "one_or_raise": lambda repo: ids(repo.one_or_raise(Row)),
    "get": lambda repo: ids(asyncio.gather(*(repo.get(Row, key) for key in (1, 2)))),
    "get_or_raise": lambda repo: ids(repo.get_or_raise(from_(Row), 1)),
    "get_by": lambda repo: ids(repo.get_by(Row, Row.id < 3)),
    "get_by_or_raise": lambda repo: ids(repo.get_by_or_raise(Row, Row.id < 3)),
    "reload": lambda repo: ids(repo.reload([Row(id=key, name="x") for key in (1, 2)])),
    "reload_or_raise": lambda repo: ids(repo.reload_or_raise([Row(id=1, name="x")])),
    "exists": _exists,
    "aggregate": _aggregated,
    "page": _paged,
    "stream": _streamed,
    "to_arrow": _arrow,
    "to_polars": _polars,
    "copy_out": _copied,
    "preload": _preloaded,
    "to_sql": _text,
    "explain": _explained,
    "insert_all": _inserted,
    "update_all": lambda repo: repo.update_all(Row, Row.name.set("x"), returning=Row.id),
    "delete_all": lambda repo: repo.delete_all(Row, returning=Row.id),
    "unsafe_validate_unique": _equal,
}


def test_no_public_call_is_left_out():
    public = {name for name in dir(Repo) if not name.startswith("_")}
    assert public == set(CALLS) | WITHOUT


@pytest.mark.parametrize("name", CALLS)
async def test_a_call_reads_and_writes_what_the_hook_shows(repo: Repo, everything: Repo, name: str):
    dialect = repo.adapter.dialect
    if name in ("copy_out", "explain") and not dialect.explain_options:
        with pytest.raises(UnsupportedError):
            await CALLS[name](repo)
        return
    assert await CALLS[name](repo) == [1]
    hidden = from_(Row).where(Row.hidden, Row.id < 10).order_by(Row.id).select(Row.id, Row.name)
    assert await everything.all(hidden) == [(2, "hidden"), (3, "hidden")]

"""Notifications, COPY, positions and repos by key have exact types."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import assert_never, assert_type

from ectype import Notification, Position, ReadRepo, Repo, Repos, Resync, from_
from tests.typing.accepted.schemas import Artist, Work


async def hear(repo: Repo) -> None:
    async with repo.listen("works", "artists", queue=10) as notifications:
        assert_type(notifications, AsyncIterator[Notification | Resync])
        async for item in notifications:
            match item:
                case Notification(channel, payload, pid):
                    assert_type((channel, payload, pid), tuple[str, str, int])
                case Resync():
                    assert_type(item.reason, str)
                case _:
                    assert_never(item)
    await repo.notify("works", "1")


async def follow(repo: Repo) -> None:
    position = await repo.position()
    assert_type(position, Position)
    assert_type(Position.parse(str(position)), Position)
    assert_type(await repo.replica_after(position, wait=0.1), ReadRepo)


def made(tenant: int) -> Repo:
    return Repo(f"sqlite:///{tenant}.db")


async def tenants() -> None:
    repos = Repos(made, limit=3)
    assert_type(repos, Repos[int, Repo])
    async with repos, repos.use(1) as repo:
        assert_type(repo, Repo)
    assert_type(repos.keys, tuple[int, ...])


async def rows() -> AsyncIterator[dict[str, object]]:
    yield {"name": "Ada"}


async def lines() -> AsyncIterator[bytes]:
    yield b"Ada"


async def written(piece: bytes) -> None: ...


async def copy(repo: Repo, path: Path) -> None:
    assert_type(await repo.copy_in(Artist, [{"name": "Ada"}], timestamps=True), int)
    assert_type(await repo.copy_in(Artist, rows()), int)
    with path.open("rb") as upload:
        assert_type(await repo.copy_in(Artist, upload, format="csv", header=True), int)
    assert_type(await repo.copy_in(Artist, iter([b"Ada"]), format="csv", columns=[Artist.name]), int)
    assert_type(await repo.copy_in(Artist, lines(), format="text", columns=(Artist.name,), null="-"), int)
    query = from_(Work).limit(3)
    with path.open("wb") as file:
        assert_type(await repo.copy_out(query, file, format="text"), int)
    assert_type(await repo.copy_out(Artist, written, header=True), int)
    async with repo.copy_out(query, format="binary") as pieces:
        assert_type(pieces, AsyncIterator[bytes])
        async for piece in pieces:
            assert_type(piece, bytes)


Repo("sqlite:///a.db", attach={"archive": "b.db"})
Repo("postgresql://db/blog", direct_url="postgresql://server/blog", prepare="unnamed")
Repo("postgresql://db/blog", migration_source="blog_migrations", migration_lock="transaction")

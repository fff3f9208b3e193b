"""Many repos of one kind, each opened when it is first used: a database for each tenant."""

from __future__ import annotations

import asyncio
from asyncio import Future, Task
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Coroutine, Hashable
from contextlib import asynccontextmanager
from contextvars import Context
from typing import Any, Final, Generic, Self, TypeVar, final

from ectype.adapters.pool_refusals import copy_of
from ectype.adapters.steady import steadily
from ectype.errors import ConfigError, ConnectError, PoolTimeoutError
from ectype.repo.repo import ReadRepo

K = TypeVar("K", bound=Hashable)
R = TypeVar("R", bound=ReadRepo)

_ONE_EACH: Final = "write `Repos(lambda tenant: Repo(urls[tenant]))`"
_TOLD: Final = 5
"""How many repos a message names."""


class _Entry(Generic[R]):
    __slots__ = ("opened", "repo", "users")

    def __init__(self, repo: R, opened: Task[None]) -> None:
        self.repo = repo
        self.opened = opened
        self.users = 0


@final
class Repos(Generic[K, R]):
    """Repos that are chosen at run time, one for each key: made and opened at the first use, closed by it.

    At most `limit` of them are open. For one more, that one is closed which nobody uses and which was used longest
    ago; while all are in use, the call waits. A database in memory is not closed before the end, since it ends with
    its repo.

    Args:
        make: returns the repo of a key, not opened; it raises for a key that has none, and the caller gets that.
        limit: how many repos are open at once: each has a pool of its own.
        timeout: for how many seconds a call waits while all are in use.

    Raises:
        ConfigError: for a limit or a time that is none; and where a repo is asked for, for a `make` that returns none,
            or one that shares its connections, as that of `with_options` does.

    Example:
        repos = Repos(lambda tenant: Repo(urls[tenant], pool_size=3, name=tenant), limit=50)
        async with repos:
            async with repos.use("acme") as repo:
                await repo.all(Post)
    """

    def __init__(self, make: Callable[[K], R], *, limit: int = 50, timeout: float = 15.0) -> None:
        if limit.__class__ is not int or limit < 1:
            raise ConfigError(f"limit={limit!r} is no number of repos", hint="say 1 or more")
        if not timeout >= 0:
            raise ConfigError(f"timeout={timeout!r} is no number of seconds", hint="say 0 for not waiting")
        self._make = make
        self._limit = limit
        self._timeout = timeout
        self._entries: OrderedDict[K, _Entry[R]] = OrderedDict()
        self._closing: set[Task[None]] = set()
        self._waiting: set[Future[None]] = set()
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    @property
    def keys(self) -> tuple[K, ...]:
        """The keys whose repos are open, the one used last at the end."""
        return tuple(self._entries)

    @asynccontextmanager
    async def use(self, key: K) -> AsyncGenerator[R]:
        """Give the repo of a key to the block, opened; it is not closed before the block ends.

        Raises:
            PoolTimeoutError: all repos were in use for the whole time.
            ConnectError: the database cannot be reached, or these repos are closed.

        Example:
            async def tenant_repo(request: Request) -> AsyncIterator[Repo]:
                async with repos.use(request.headers["x-tenant"]) as repo:
                    yield repo
        """
        entry = await self._entry(key)
        entry.users += 1
        try:
            if not entry.opened.done():
                # One that is cancelled here leaves the opening to the others.
                await asyncio.wait({entry.opened})
            if entry.opened.cancelled():
                raise _closed()
            error = entry.opened.exception()
            if error is not None:
                raise copy_of(error) if isinstance(error, Exception) else error
            yield entry.repo
        finally:
            entry.users -= 1
            self._tell()

    async def close(self) -> None:
        """Close all of them; those in use as `Repo.close` does. It is no error to close twice."""
        self._closed = True
        self._tell()
        await steadily(self._close_all())

    async def _close_all(self) -> None:
        entries = list(self._entries.values())
        self._entries.clear()
        for entry in entries:
            entry.opened.cancel()
        await asyncio.gather(*(entry.opened for entry in entries), return_exceptions=True)
        await asyncio.gather(*(entry.repo.close() for entry in entries), *self._closing)

    async def _entry(self, key: K) -> _Entry[R]:
        loop = asyncio.get_running_loop()
        end = loop.time() + self._timeout
        while True:
            if self._closed:
                raise _closed()
            entry = self._entries.get(key)
            if entry is not None:
                self._entries.move_to_end(key)
                return entry
            if len(self._entries) + len(self._closing) < self._limit:
                return self._opened(key)
            if not self._closing:
                self._close_one()
            change: Future[None] = loop.create_future()
            self._waiting.add(change)
            try:
                # What is closing makes room soon, whatever the time is.
                await asyncio.wait({change}, timeout=None if self._closing else max(0.0, end - loop.time()))
            finally:
                self._waiting.discard(change)
            if not change.done():
                raise self._crowded()

    def _opened(self, key: K) -> _Entry[R]:
        repo = self._make(key)
        if not isinstance(repo, ReadRepo):  # pyright: ignore[reportUnnecessaryIsInstance]  # users return what they like
            raise ConfigError(
                f"`make` returns the repo of a key, and it returned a {repo.__class__.__name__}",
                hint=_ONE_EACH,
            )
        lent: bool = repo._lent  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # no name for users
        if lent or any(entry.repo.pool is repo.pool for entry in self._entries.values()):
            raise ConfigError(
                f"`make` returned a repo that shares its connections with another one, and both would end together: "
                f"{repo!r}",
                hint=f"{_ONE_EACH}; tenants in schemas of one database need none of it: "
                "`repo.with_options(prefix=tenant)`",
            )
        opened = self._start(self._open(key, repo))
        # All who asked may be gone, so that nobody else looks at its error.
        opened.add_done_callback(lambda task: task.cancelled() or task.exception())
        entry = self._entries[key] = _Entry(repo, opened)
        return entry

    async def _open(self, key: K, repo: R) -> None:
        try:
            await repo.open()
        except BaseException:
            # The next call tries again.
            entry = self._entries.get(key)
            if entry is not None and entry.repo is repo:
                del self._entries[key]
                self._closing.add(closing := self._start(self._end(repo)))
                closing.add_done_callback(self._ended)
            raise

    def _close_one(self) -> None:
        for key, entry in self._entries.items():
            if entry.users == 0 and entry.opened.done() and not entry.repo.adapter.single:
                del self._entries[key]
                self._closing.add(closing := self._start(self._end(entry.repo)))
                closing.add_done_callback(self._ended)
                return

    async def _end(self, repo: R) -> None:
        await repo.close()

    def _ended(self, task: Task[None]) -> None:
        self._closing.discard(task)
        self._tell()

    def _start(self, work: Coroutine[Any, Any, None]) -> Task[None]:
        # In a context of its own: a transaction of whoever comes first is no affair of the others'.
        return asyncio.get_running_loop().create_task(work, context=Context())

    def _tell(self) -> None:
        for change in self._waiting:
            if not change.done():
                change.set_result(None)

    def _crowded(self) -> PoolTimeoutError:
        used = [repr(entry.repo) for entry in self._entries.values() if entry.users]
        more = f" and {len(used) - _TOLD} more" if len(used) > _TOLD else ""
        return PoolTimeoutError(
            f"all {self._limit} repos that may be open are in use, and none became free within {self._timeout:g} s: "
            f"{', '.join(used[:_TOLD])}{more}",
            hint="leave the `use` block sooner, or make `Repos` with a greater `limit=`",
        )


def _closed() -> ConnectError:
    return ConnectError("these repos are closed", hint="use them inside `async with repos:`")

"""What ectype itself takes for a statement, beside a driver that answers at once.

Each call is made once on the server and the driver's answers are kept; from then on the connection has them without
asking anybody, so that no processor sleeps and no cache gets cold. What a call takes more than this on a server is what
it costs to come back from sleep. The baseline awaits the same answers.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from benchmarks.harness import Competitor, Table
from benchmarks.inputs import entry_key, journal_key
from benchmarks.schemas import Entry, Journal
from benchmarks.workloads.insert1 import READY
from benchmarks.workloads.update1 import ready_changes
from benchmarks.worlds import World
from ectype import Repo, change

Call = Callable[[int], Awaitable[Any]]


class _Answers:
    """The driver's part of a connection: asks the server while it is live, and remembers."""

    def __init__(self, connection: Any) -> None:
        self._ask = {"fetch": connection._fetch, "execute": connection._execute}
        self._known: dict[str, Any] = {}
        self._open = False
        self.live = True
        self.said: list[str] = []
        connection._fetch = self.fetch
        connection._execute = self.execute
        connection._in_transaction = lambda: self._open

    async def fetch(self, sql: str, *params: Any, timeout: float | None = None) -> Any:
        """Answer as `fetch` of the driver has."""
        return await self._answer("fetch", sql, params, timeout) if self.live else self._known[sql]

    async def execute(self, sql: str, *params: Any, timeout: float | None = None) -> Any:
        """Answer as `execute` of the driver has, which begins and ends transactions."""
        self._open = sql.startswith("BEGIN") or (self._open and not sql.startswith(("COMMIT", "ROLLBACK")))
        return await self._answer("execute", sql, params, timeout) if self.live else self._known[sql]

    async def _answer(self, how: str, sql: str, params: tuple[Any, ...], timeout: float | None) -> Any:
        self.said.append(sql)
        self._known[sql] = answer = await self._ask[how](sql, *params, timeout=timeout)
        return answer


@asynccontextmanager
async def tables(world: World) -> AsyncIterator[list[Table]]:
    """Yield a table for each kind of call, over a repo of one connection."""
    async with Repo(world.url, pool_size=1) as repo:
        await world.reset()
        await repo.get(Journal, 1)
        answers = _Answers(repo.pool._idle[0][0])
        made = [await _table(name, call, answers) for name, call in _calls(repo).items()]
        answers.live = False
        yield made


def _calls(repo: Repo) -> dict[str, Call]:
    async def three(i: int) -> Any:
        async with repo.transaction():
            entry = await repo.get_or_raise(Entry, entry_key(i))
            await repo.update(change(entry, Entry.text.set(f"changed {i}")))
            return await repo.insert(READY)

    ready = ready_changes()
    return {
        "get": lambda i: repo.get_or_raise(Journal, journal_key(i)),
        "insert1": lambda _i: repo.insert(READY),
        "update1": lambda i: repo.update(ready[i % 1000]),
        "tx3": three,
    }


async def _table(name: str, call: Call, answers: _Answers) -> Table:
    await call(0)
    answers.said.clear()
    await call(1)
    said = answers.said.copy()

    async def driver(_i: int) -> None:
        for sql in said:
            await answers.fetch(sql)

    return Table(
        f"answered {name}",
        "PostgreSQL",
        [Competitor("the answers alone", driver), Competitor("ectype", call)],
        lambda _result: None,
    )

"""How a repo runs a prepared statement: dump, run, load, tell the listeners."""

from collections.abc import Callable, Hashable, Sequence
from time import perf_counter
from typing import Any, TypeVar

from ectype.adapters.base import Adapter
from ectype.repo import loader
from ectype.repo.cache import PlanCache
from ectype.repo.transaction import Session
from ectype.sql.dialect import Dialect
from ectype.sql.statement import Statement
from ectype.telemetry import QueryEvent, emit, listeners

T = TypeVar("T")
EVENT = "ectype.repo.query"


class Prepared:
    """A statement of one shape and its loader."""

    __slots__ = ("dump", "load", "redacted", "sql", "statement")

    def __init__(self, statement: Statement) -> None:
        self.statement = statement
        self.sql = statement.sql
        self.dump = statement.dump
        self.redacted = statement.redacted
        row = statement.row
        self.load = loader.tuples(statement.columns) if row is None else loader.build(statement.columns, row)


class Engine:
    """What every operation of a repo shares: the dialect, the plans, and the way to a connection.

    Attributes:
        adapter: the database.
        session: finds the connection of each statement.
        plans: prepared statements by shape.
        name: the repo's name, for events.
        prefix: the default prefix.
        log_params: whether parameters are shown to listeners.
    """

    def __init__(
        self,
        adapter: Adapter,
        session: Session,
        *,
        name: str,
        prefix: str | None = None,
        plan_cache_size: int = 1_000,
        log_params: bool = True,
    ) -> None:
        self.adapter = adapter
        self.session = session
        self.name = name
        self.prefix = prefix
        self.log_params = log_params
        self.plans: PlanCache[Prepared] = PlanCache(plan_cache_size)

    @property
    def dialect(self) -> Dialect:
        """What the database says and can do."""
        return self.adapter.dialect

    def prepared(self, key: Hashable, compile_: Callable[[Dialect], Statement]) -> Prepared:
        """Return the prepared statement of a shape, compiled at its first use."""
        found = self.plans.get(key)
        if found is not None:
            return found
        return self.plans.put(key, Prepared(compile_(self.adapter.dialect)))

    async def fetch(self, prepared: Prepared, values: Sequence[Any], timeout: float | None = None) -> list[Any]:
        """Run a statement that returns rows, and return them loaded."""
        params = prepared.dump(values)
        if listeners(EVENT):
            return await self._observed(
                prepared, params, len, self.session.fetch(prepared.sql, params, prepared.load, timeout)
            )
        return await self.session.fetch(prepared.sql, params, prepared.load, timeout)

    async def execute(self, prepared: Prepared, values: Sequence[Any], timeout: float | None = None) -> int:
        """Run a statement that returns no rows, and return how many it wrote."""
        params = prepared.dump(values)
        if listeners(EVENT):
            return await self._observed(prepared, params, _same, self.session.execute(prepared.sql, params, timeout))
        return await self.session.execute(prepared.sql, params, timeout)

    async def _observed(
        self, prepared: Prepared, params: Sequence[Any], count: Callable[[Any], int], running: Any
    ) -> Any:
        started = perf_counter()
        rows, error = None, None
        try:
            result = await running
            rows = count(result)
        except BaseException as exc:
            error = exc
            raise
        finally:
            shown = self._shown(prepared, params)
            taken = perf_counter() - started
            emit(
                EVENT,
                QueryEvent(self.name, prepared.sql, shown, rows, None, taken, error),
            )
        return result

    def _shown(self, prepared: Prepared, params: Sequence[Any]) -> tuple[object, ...]:
        if not self.log_params:
            return ("<hidden>",) * len(params)
        return tuple("<redacted>" if i in prepared.redacted else value for i, value in enumerate(params))


def _same(count: int) -> int:
    return count

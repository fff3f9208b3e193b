"""What a test may say about the statements that it runs: how many, and that none of them runs once a row."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ectype import telemetry
from ectype.adapters.connections import Connections
from ectype.adapters.sandbox import owner_here
from ectype.adapters.sandbox_owner import Owner
from ectype.errors import ConfigError, EctypeError
from ectype.telemetry import QueryEvent
from ectype.testing.repeats import advice

_PACKAGE = str(Path(__file__).parents[1])
_LOOP = str(Path(asyncio.__file__).parent)
_OF_TRANSACTIONS = frozenset({"BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE"})
_LONGEST = 200


class Watched(Protocol):
    """A repo, as far as its statements are watched."""

    name: str

    @property
    def pool(self) -> Connections:
        """Where its statements find their connections."""
        ...


class TooManyQueriesError(EctypeError, AssertionError):
    """A test ran more statements than it allows, or one for each row. It is an `AssertionError` too."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One statement that was run.

    Attributes:
        sql: its text, which is the same for every execution of one shape.
        site: the file and line that ran it, or the task where a task ran nothing else.
    """

    sql: str
    site: str


class Queries:
    """The statements that a repo has run in the block, those of `BEGIN` and `COMMIT` left out.

    Attributes:
        seen: each in the order it ended.
    """

    def __init__(self, repo: Watched, owner: Owner | None) -> None:
        self.seen: list[Seen] = []
        self._repo = repo
        self._owner = owner

    def __len__(self) -> int:
        return len(self.seen)

    @property
    def statements(self) -> list[str]:
        """The texts, in the order they ended."""
        return [one.sql for one in self.seen]

    def note(self, event: QueryEvent) -> None:
        """Remember a statement, unless another repo or another owner of its sandbox ran it."""
        if event.operation.split()[0] in _OF_TRANSACTIONS:
            return
        if event.repo == self._repo.name and owner_here(self._repo) is self._owner:
            self.seen.append(Seen(event.sql, _site()))

    def repeated(self, more_than: int) -> dict[Seen, int]:
        """Return the reads that were run more often than that from one place, with how often."""
        counts: dict[Seen, int] = {}
        for one in self.seen:
            counts[one] = counts.get(one, 0) + 1
        return {one: times for one, times in counts.items() if times > more_than and one.sql.startswith("SELECT")}


@contextmanager
def assert_queries(repo: Watched, *, max: int) -> Generator[Queries]:  # noqa: A002  # it reads well at the call
    """Fail when the block runs more than `max` statements of the repo; the error lists them.

    Statements of other owners of the sandbox do not count, and what the repo does for a transaction neither.

    Args:
        repo: whose statements count.
        max: how many there may be.

    Raises:
        TooManyQueriesError: there were more.
        ConfigError: `max` is negative.

    Example:
        with assert_queries(repo, max=2) as queries:
            await repo.all(from_(User).preload(User.posts))
        assert len(queries) == 2
    """
    if max < 0:
        raise ConfigError(f"max={max} statements cannot be", hint="say max=0 for none")
    with _watching(repo) as queries:
        yield queries
    if len(queries) > max:
        listed = "\n".join(
            f"    {place}. {_short(one.sql)}\n       {one.site}" for place, one in enumerate(queries.seen, 1)
        )
        raise TooManyQueriesError(
            f"{len(queries)} statements were run, and {max} are allowed:\n\n{listed}",
            hint=next((advice(one.sql) for one in queries.repeated(1)), None),
        )


@contextmanager
def assert_no_n_plus_one(repo: Watched, *, max: int = 2) -> Generator[Queries]:  # noqa: A002  # as above
    """Fail when the block runs one read more than `max` times from one place, as a loop over rows does.

    Args:
        repo: whose statements count.
        max: how often one line may run one shape of a query.

    Raises:
        TooManyQueriesError: one was run more often; the error shows the line of `preload` that replaces them.
        ConfigError: `max` is below 1.

    Example:
        with assert_no_n_plus_one(repo):
            response = await client.get("/posts")
    """
    if max < 1:
        raise ConfigError(f"max={max} would forbid every read", hint="say max=1 where none may run twice")
    with _watching(repo) as queries:
        yield queries
    for one, times in queries.repeated(max).items():
        raise TooManyQueriesError(
            f"one query was run {times} times from {one.site}:\n\n    {_short(one.sql)}", hint=advice(one.sql)
        )


@contextmanager
def _watching(repo: Watched) -> Generator[Queries]:
    queries = Queries(repo, owner_here(repo))
    with telemetry.attach(telemetry.QUERY, queries.note):
        yield queries


def _site() -> str:
    frame = inspect.currentframe()
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith((_PACKAGE, contextlib.__file__)):
            if file.startswith(_LOOP):
                break
            return f"{file}:{frame.f_lineno}"
        frame = frame.f_back
    return "tasks that did nothing else"


def _short(sql: str) -> str:
    return sql if len(sql) <= _LONGEST else f"{sql[: _LONGEST - 2]} …"

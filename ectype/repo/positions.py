"""How far a database has come, and the replicas that have come as far: reads that see what was written before."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, Self, final

from ectype.errors import CastError, ConfigError, ConnectError, DeadlineError, PoolTimeoutError
from ectype.repo.engine import Engine, Prepared
from ectype.sql.dialect import Dialect
from ectype.sql.statement import Statement

ASK_SECONDS: Final = 1.0
"""How long a replica may take to say how far it is; one that does not is behind."""
_LOOK_AGAIN_SECONDS: Final = 0.005
_TEXT: Final = re.compile(r"([0-9A-Fa-f]{1,8})/([0-9A-Fa-f]{1,8})", re.ASCII)
_WRITTEN: Final = "SELECT pg_current_wal_insert_lsn()::text"
_REPLAYED: Final = "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()::text END"


@final
@dataclass(frozen=True, order=True, slots=True)
class Position:
    """How far the log of a database had come; later ones are greater.

    >>> position = Position.parse("16/B374D848")
    >>> str(position), position > Position.parse("1/0")
    ('16/B374D848', True)

    Attributes:
        log: the place in PostgreSQL's log as a number; 0 on a database that has none, which all have reached.
    """

    log: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the position that `str` wrote, as a cookie or a header brings it back.

        Raises:
            CastError: it is none.
        """
        found = _TEXT.fullmatch(text) if isinstance(text, str) else None  # pyright: ignore[reportUnnecessaryIsInstance]  # users pass what they like
        if found is None:
            raise CastError(
                f"{text!r:.40} is no position of a database", hint='it is what `str(position)` wrote, as "16/B374D848"'
            )
        return cls(int(found[1], 16) << 32 | int(found[2], 16))

    def __str__(self) -> str:
        return f"{self.log >> 32:X}/{self.log & 0xFFFFFFFF:X}"


async def position(engine: Engine, timeout: float | None) -> Position:
    """Return how far a database has come. Raises what `Repo.position` says."""
    if engine.session.in_transaction:
        raise ConfigError(
            "`position()` inside a transaction tells nothing of it: its COMMIT comes later", hint="ask after the block"
        )
    if engine.dialect.target != "postgres":
        return Position(0)
    found = await _place(engine, _WRITTEN, timeout)
    assert found is not None  # it raises where there is none
    return found


async def arrived(replicas: Iterable[Engine], position: Position, wait: float) -> Engine | None:
    """Return one of the replicas that have come as far, waiting so many seconds for one; None where none has.

    Raises:
        ConfigError: `position` is none, or `wait` is no number of seconds.
    """
    if not isinstance(position, Position):  # pyright: ignore[reportUnnecessaryIsInstance]  # users pass what they like
        raise ConfigError(f"{position!r:.40} is no `Position`", hint="write `Position.parse(text)` of a text")
    if not wait >= 0:
        raise ConfigError(f"wait={wait!r} is no number of seconds", hint="say 0 for not at all")
    loop = asyncio.get_running_loop()
    end = loop.time() + wait
    able = [one for one in replicas if one.dialect.target == "postgres"]
    while able:
        # Not for secrets: it spreads the reads. One that could not be reached last comes last.
        random.shuffle(able)
        for replica in sorted(able, key=lambda one: one.session.pool.report().failure is not None):
            if await _reached(replica, position):
                return replica
        left = end - loop.time()
        if left <= 0:
            break
        await asyncio.sleep(min(_LOOK_AGAIN_SECONDS, left))
    return None


async def _reached(replica: Engine, position: Position) -> bool:
    try:
        found = await _place(replica, _REPLAYED, ASK_SECONDS)
    except (ConnectError, PoolTimeoutError, DeadlineError):
        return False
    return found is not None and found >= position


async def _place(engine: Engine, sql: str, timeout: float | None) -> Position | None:
    def make(_dialect: Dialect) -> Prepared:
        return Prepared(Statement(sql, list))

    call = engine.usual if timeout is None else replace(engine.usual, timeout=timeout)
    rows = await engine.fetch(engine.plan(("position", sql), make), (), call)
    text: str | None = rows[0][0]
    return None if text is None else Position.parse(text)

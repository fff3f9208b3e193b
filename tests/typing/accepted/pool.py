"""The options of a repo's pool, its report and its events, as the checkers see them."""

from __future__ import annotations

from typing import assert_type

from ectype import Repo, telemetry
from ectype.adapters.base import Connection
from ectype.adapters.pool_report import PoolReport


async def as_reader(connection: Connection) -> int:
    return await connection.execute("SET ROLE reader")


async def token() -> str:
    return "secret of the moment"


REPO = Repo(
    "postgresql://db/blog",
    pool_size=4,
    queue_target=0.1,
    queue_interval=2,
    pool_timeout=None,
    connect_timeout=3,
    idle_check=1.5,
    max_idle=None,
    max_lifetime=1_800,
    hold_warning=None,
    backoff=(0.1, 1),
    after_connect=as_reader,
    password=token,
)
PLAIN = Repo("postgresql://db/blog", password=lambda: "secret of the moment")

assert_type(REPO.pool.report(), PoolReport)


def count(event: telemetry.PoolTimeout) -> bool:
    return event.refused


with telemetry.attach("ectype.pool.timeout", count):
    pass

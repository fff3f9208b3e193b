from __future__ import annotations

from ectype import Repo
from ectype.adapters.base import Connection


def prepare(connection: Connection) -> None:
    connection.terminate()


REPO = Repo("postgresql://db/blog", after_connect=prepare)  # refused

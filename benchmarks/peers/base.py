"""What a peer is: a library with one method for each workload that it does."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass(frozen=True)
class Address:
    """Where a PostgreSQL is, for libraries that do not read its URLs; the host may be a folder of sockets."""

    user: str
    password: str
    host: str
    port: int
    database: str

    @classmethod
    def of(cls, url: str) -> Self:
        """Read a URL of `postgresql://`."""
        parts = urlsplit(url)
        more = dict(parse_qsl(parts.query))
        return cls(
            unquote(parts.username or more.get("user", "postgres")),
            unquote(parts.password or more.get("password", "")),
            unquote(parts.hostname or more.get("host", "127.0.0.1")),
            int(parts.port or more.get("port", 5432)),
            parts.path.lstrip("/"),
        )


class Peer:
    """A library over the shared tables, set up as its documentation recommends.

    A method carries the name of its workload and takes the number of the iteration. `fetch(key)` reads one row of
    `journal` by its key, from which `get` and `tasks64` are made.

    Attributes:
        name: what tables call it.
        sync: whether its methods return the result itself.
        objects: whether it returns objects of a model, so that ectype must be ahead of it; else it is an anchor.
        lacks: why it does not do a workload, by the workload's name.
    """

    name: ClassVar[str]
    sync: ClassVar[bool] = False
    objects: ClassVar[bool] = True
    lacks: Mapping[str, str] = {}

    async def open(self) -> None:
        """Connect, after it has been made with the URL or path of the database."""

    async def close(self) -> None:
        """Give everything back."""

    def fetch(self, key: int) -> Any:
        """Return a row of `journal` by its key."""
        raise NotImplementedError

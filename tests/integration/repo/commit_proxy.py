"""A PostgreSQL connection over loopback that does to a COMMIT what networks do."""

import asyncio
from asyncio import StreamReader, StreamWriter, Task
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"
"""COMMIT as a message of the simple protocol: https://www.postgresql.org/docs/current/protocol-message-formats.html"""

FAULTS = (
    "none",
    "cut before",
    "cut after",
    "cut both after",
    "hold",
    "late",
    "swallow",
    "slow",
)
"""What happens at COMMIT.

`cut before`: it does not arrive, both sides are closed. `cut after`: it arrives, the client's side is closed at once.
`cut both after`: it arrives, and the server's side is closed before it has answered. `hold`: it never arrives, and the
server waits on. `late`: it arrives when the client has given up. `swallow`: it arrives, and no answer comes back.
`slow`: the answer comes late, but in time.
"""
LATE_SECONDS = 1.2
"""When a late COMMIT arrives; the deadline of the client is before it."""
SLOW_SECONDS = 0.05


class Proxy:
    """Forwards to a server.

    Attributes:
        fault: what happens at the next COMMIT.
        url: the URL of the server through the proxy.
        met: how many COMMITs have come.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or "127.0.0.1", parts.port or 5432)
        query = dict(parse_qsl(parts.query))
        self._socket = query.pop("host", None)
        if self._socket is not None:
            self._target = (self._socket, int(query.pop("port", 5432)))
        self._parts = parts._replace(query=urlencode(query).replace("+", "%20"))
        self._tasks: set[Task[None]] = set()
        self._writers: set[StreamWriter] = set()
        self.fault = "none"
        self.url = url
        self.met = 0

    async def listen(self) -> asyncio.Server:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        user, at, _ = self._parts.netloc.rpartition("@")
        self.url = urlunsplit(self._parts._replace(netloc=f"{user}{at}127.0.0.1:{port}"))
        return server

    async def close(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        task: Task[Any] | None = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        up: StreamWriter | None = None
        try:
            host, port = self._target
            if host.startswith("/"):
                server, up = await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
            else:
                server, up = await asyncio.open_connection(host, port)
            self._writers.add(up)
            await _Link(self, reader, writer, server, up).run()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for one in (writer, up):
                if one is not None:
                    one.transport.abort()
                    self._writers.discard(one)
            self._tasks.discard(task)


class _Link:
    """One client and its connection to the server."""

    def __init__(
        self, proxy: Proxy, client: StreamReader, down: StreamWriter, server: StreamReader, up: StreamWriter
    ) -> None:
        self.proxy = proxy
        self.client, self.down, self.server, self.up = client, down, server, up
        self.mute = False
        self.pause = 0.0

    async def run(self) -> None:
        back = asyncio.create_task(self._back())
        try:
            while data := await self.client.read(65_536):
                if COMMIT not in data:
                    self.up.write(data)
                    continue
                self.proxy.met += 1
                if not await self._commit(data):
                    return
            if self.mute:
                # A client that cuts its connection is not told to the server: packets are lost both ways.
                await asyncio.sleep(LATE_SECONDS * 2)
        finally:
            back.cancel()
            await asyncio.gather(back, return_exceptions=True)

    async def _commit(self, data: bytes) -> bool:
        """Do what the fault says; returns whether the connection goes on."""
        fault, self.proxy.fault = self.proxy.fault, "none"
        if fault == "cut before":
            return False
        if fault in ("hold", "late"):
            self.mute = True
            await asyncio.sleep(LATE_SECONDS)
            if fault == "hold":
                await asyncio.sleep(LATE_SECONDS * 10)
                return False
        self.mute = fault in ("cut after", "swallow", "late", "cut both after")
        self.pause = SLOW_SECONDS if fault == "slow" else 0.0
        self.up.write(data)
        with suppress(OSError):
            await self.up.drain()
        if fault == "cut after":
            self.down.transport.abort()
            await asyncio.sleep(LATE_SECONDS)
        return fault not in ("cut after", "cut both after")

    async def _back(self) -> None:
        while data := await self.server.read(65_536):
            if self.pause:
                await asyncio.sleep(self.pause)
            if not self.mute:
                self.down.write(data)
        self.down.transport.abort()


@asynccontextmanager
async def proxied(url: str) -> AsyncIterator[Proxy]:
    """A proxy to the server of a URL, gone with all its connections at the end."""
    proxy = Proxy(url)
    server = await proxy.listen()
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
        await server.wait_closed()
